"""The page's style."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --card: #f6f7f9; --ink: #1b1f24; --soft: #5d6673;
  --line: #c9ced6; --grid: #e6e9ee; --window: rgba(40, 120, 90, 0.14);
  --shade: rgba(0, 0, 0, 0.22);
  --found: #0b65a8; --scaled: #b85a00; --random: #77808d;
  --good: #1a7040; --bad: #b3261e;
  --heat-low: #eef3f8; --heat-high: #0b4a7e;
  --kernel: #0b78b4; --expand: #7a4fc9; --se: #1f8a52; --act: #c77700;
  --run-0: #0b65a8; --run-1: #d1490b; --run-2: #1f8a52; --run-3: #8b3fc4;
  --run-4: #b08900; --run-5: #c2185b; --run-6: #00838f; --run-7: #6d4c41;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --card: #1d2127; --ink: #e6e9ed; --soft: #9da6b2;
    --line: #3d444e; --grid: #2a3038; --window: rgba(90, 200, 150, 0.16);
    --shade: rgba(0, 0, 0, 0.9);
    --found: #62b4f0; --scaled: #f0a35a; --random: #97a1ae;
    --good: #6ccb8f; --bad: #ff8a80;
    --heat-low: #20262d; --heat-high: #7cc0f5;
    --kernel: #4aaee6; --expand: #a98bf0; --se: #4fc586; --act: #f0a83c;
    --run-0: #62b4f0; --run-1: #ff8a57; --run-2: #4fc586; --run-3: #c08bf0;
    --run-4: #e3c04a; --run-5: #f27aa5; --run-6: #4dd0dc; --run-7: #c4a498;
  }
}
* { box-sizing: border-box; }
html { background: var(--page); -webkit-text-size-adjust: 100%; }
body {
  max-width: 1060px; margin: 0 auto; padding: 28px 20px 60px;
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .6rem; }
h2 { font-size: 1.3rem; margin: 0 0 .6rem; }
h3 { font-size: 1rem; margin: 1.8rem 0 .4rem; }
h1, h2, h3 { font-weight: 650; overflow-wrap: anywhere; }
p { margin: 0 0 .8rem; max-width: 46rem; overflow-wrap: anywhere; }
a { color: var(--found); }
section { margin-top: 2.6rem; padding-top: 1.4rem;
  border-top: 1px solid var(--line); }
.kicker { color: var(--soft); margin-bottom: .3rem; font-size: .9rem; }
.lede { font-size: 1.15rem; }
.note, figcaption { color: var(--soft); font-size: .9rem; }
.warning { border-left: 4px solid var(--bad); padding-left: .7rem; }
.soft { color: var(--soft); }
figure { margin: 0 0 1.2rem; min-width: 0; }
figcaption { max-width: 46rem; }
.chart { width: 100%; }
.grid { display: grid; gap: 8px 28px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.verdicts { list-style: none; padding: 0; margin: 0 0 .9rem;
  display: flex; flex-wrap: wrap; gap: 8px; }
.verdicts li { padding: .4rem .75rem; border-radius: 6px; border: 1.5px solid;
  font-weight: 600; overflow-wrap: anywhere; }
.verdicts .won { color: var(--good); }
.verdicts .even { color: var(--soft); border-style: dotted; }
.verdicts .lost { color: var(--bad); border-style: dashed; }
.mark { margin-right: .45em; }
.figures { display: grid; gap: 10px; margin: 1.2rem 0;
  grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); }
.figures div { background: var(--card); border-radius: 6px;
  padding: .6rem .8rem; display: flex; flex-direction: column-reverse; }
.figures dt { color: var(--soft); font-size: .82rem; }
.figures dd { flex: none; font-size: 1.3rem; font-weight: 650; }
.scroll { overflow-x: auto; margin: 0 0 1rem;
  /* a shadow at the edge where there is more */
  background: linear-gradient(to right, var(--page) 30%, transparent) left,
    linear-gradient(to left, var(--page) 30%, transparent) right,
    linear-gradient(to right, var(--shade), transparent) left,
    linear-gradient(to left, var(--shade), transparent) right;
  background-repeat: no-repeat; background-size: 40px 100%, 40px 100%,
    14px 100%, 14px 100%;
  background-attachment: local, local, scroll, scroll; }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--grid); }
th { color: var(--soft); font-weight: 500; white-space: normal;
  vertical-align: bottom; border-color: var(--line); }
.word { text-align: left; white-space: normal; }
.under { display: block; color: var(--soft); font-size: .85rem;
  font-weight: 400; }
#deployed table, #records table { max-width: 46rem; }
tr.found td { font-weight: 650; }
.named { display: flex; gap: .45em; align-items: baseline; }
.swatch { flex: none; width: .75em; height: .75em; border-radius: 2px; }
.share { width: 100%; min-width: 120px; height: 10px; }
.share span { display: block; height: 10px; background: var(--found); }
details { border: 1px solid var(--line); border-radius: 6px; margin: 0 0 8px;
  padding: .45rem .8rem; }
details > :nth-child(2) { margin-top: .6rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
dl { margin: 0; font-size: .9rem; }
dl > div { display: flex; flex-wrap: wrap; gap: 0 .8rem; padding: 2px 0; }
dl > .inner { display: block; }
.inner details { border: 0; border-left: 2px solid var(--line);
  border-radius: 0; margin: 4px 0 8px; padding: 0 0 0 .8rem; }
dt { color: var(--soft); min-width: 9rem; }
dd { margin: 0; flex: 1; min-width: 10rem; overflow-wrap: anywhere; }
code, pre { font: .85rem/1.45 ui-monospace, monospace; }
.copyable { position: relative; }
pre { background: var(--card); border-radius: 6px; margin: 0 0 1rem;
  padding: .7rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere;
  max-height: 20rem; overflow-y: auto; }
.copyable pre { padding-right: 6rem; }
button { position: absolute; top: 6px; right: 18px; font: inherit;
  font-size: .8rem; padding: .2rem .6rem; border-radius: 5px; cursor: pointer;
  color: var(--ink); background: var(--page); border: 1px solid var(--line); }
.samples { display: grid; gap: 10px;
  grid-template-columns: repeat(auto-fill, minmax(96px, 1fr)); }
.sample { border: 2px solid transparent; border-radius: 6px; padding: 4px;
  background: var(--card); }
.sample.wrong { border: 2px dashed var(--bad); }
.sample img { display: block; width: 100%; border-radius: 3px;
  image-rendering: pixelated; }
.sample p { margin: 4px 2px 0; font-size: .85rem; line-height: 1.3; }
.wrong strong { color: var(--bad); }
.truth { display: block; }
svg.network { display: block; min-width: 790px; width: 100%;
  max-width: 900px; font: 13px system-ui, sans-serif;
  font-variant-numeric: tabular-nums; }
svg.network text { fill: var(--ink); }
svg.network .soft { fill: var(--soft); font-size: 12px; }
svg.network .size { font-weight: 650; }
svg.network .rule { stroke: var(--line); }
svg.network .shape { fill: var(--found); fill-opacity: .22; }
svg.network .shortcut { fill: none; stroke: var(--soft); }
svg.network .tip { fill: var(--soft); }
svg.network .bar { fill: var(--found); }
svg.network .kernel { fill: var(--kernel); }
svg.network .expand { fill: var(--expand); }
svg.network .se { fill: var(--se); }
svg.network .act { fill: var(--act); }
@media (max-width: 600px) {
  body { padding: 20px 16px 40px; }
  th, td { padding: .35rem .4rem; }
  h1 { font-size: 1.5rem; }
}
@media print { details { break-inside: avoid; } button { display: none; } }
"""
