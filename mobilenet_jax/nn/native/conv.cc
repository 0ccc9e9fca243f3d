// Dense convolution as a matrix product, and its gradients; float32.
//
// Pixels are rows, channels are columns. A tile of the result stays in
// registers; kernels larger than one pixel are unfolded a few rows at a time,
// in cache. Bias and activation are applied before the result is stored. Sums
// do not depend on the number of threads.

#include <cstring>
#include <vector>

#include "activation.h"
#include "call.h"
#include "lanes.h"

namespace {

constexpr int kRows = 6;                     // of a tile
constexpr int kPanel = kWide == 16 ? 4 : 2;  // registers of a tile's row
constexpr int64_t kBlock = 48;               // rows of a task
constexpr int64_t kDepth = 192;              // pixels of a step of a gradient
constexpr size_t kKept = 1 << 20;   // floats that a thread may keep
constexpr int64_t kStripe = 128;             // columns of a gradient's task

int64_t round_up(int64_t n, int64_t step) {
  return (n + step - 1) / step * step;
}

// Sums[r][u] += A[r][k] * B[k][u] for k in 0..depth. A's element (r, k) is at
// r * row + k * step; B's rows are together.
template <int R, int U>
inline void multiply(const float* a, int64_t row, int64_t step, const float* b,
                     int64_t depth, Vec<kWide> (&sums)[R][U]) {
  const float* rows[R];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) rows[r] = a + r * row;
  for (int64_t k = 0; k < depth; ++k) {
    Vec<kWide> right[U];
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u) right[u] = load<kWide>(b + u * kWide);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      const float left = rows[r][k * step];
#pragma GCC unroll 4
      for (int u = 0; u < U; ++u) sums[r][u] += left * right[u];
    }
    b += U * kWide;
  }
}

// Calls f.template operator()<R>(r) for R rows from r on, until all are done.
template <typename F>
inline void each_rows(int64_t rows, F f) {
  int64_t r = 0;
  for (; r + kRows <= rows; r += kRows) f.template operator()<kRows>(r);
  for (; r + 2 <= rows; r += 2) f.template operator()<2>(r);
  for (; r < rows; ++r) f.template operator()<1>(r);
}

// The columns in stripes, a stripe in panels of at most kPanel registers,
// about equally wide; missing columns are zeros.
struct Panels {
  int64_t columns;

  int64_t padded() const { return round_up(columns, kWide); }
  int64_t stripes() const { return (columns + kStripe - 1) / kStripe; }

  // Calls f.template operator()<U>(c) for the panels of U registers at column
  // c of a stripe.
  template <typename F>
  void each(int64_t stripe, F f) const {
    int64_t c = stripe * kStripe;
    const int64_t end = std::min(c + kStripe, padded());
    int64_t left = (end - c) / kWide;
    for (int64_t n = (left + kPanel - 1) / kPanel; n > 0; --n) {
      const int64_t some = (left + n - 1) / n;
      if (some == 1) f.template operator()<1>(c);
      if (some == 2) f.template operator()<2>(c);
      if constexpr (kPanel > 2) {
        if (some == 3) f.template operator()<3>(c);
        if (some == 4) f.template operator()<4>(c);
      }
      c += some * kWide;
      left -= some;
    }
  }
};

inline void store_some(float* out, Vec<kWide> v, int64_t count) {
  if (count >= kWide) {
    store<kWide>(out, v);
  } else {
    float all[kWide];
    store<kWide>(all, v);
    std::memcpy(out, all, count * sizeof(float));
  }
}

inline Vec<kWide> load_some(const float* in, int64_t count) {
  if (count >= kWide) return load<kWide>(in);
  float all[kWide] = {};
  std::memcpy(all, in, count * sizeof(float));
  return load<kWide>(all);
}

// Copies columns [c, c + U * kWide) of `rows` rows of `columns` columns,
// `pitch` apart, into a panel, each times its gain.
template <int U>
void pack(const float* in, int64_t rows, int64_t pitch, int64_t columns,
          int64_t c, const Vec<kWide> (&gain)[U], float* panel) {
  const int64_t left = columns - c;
  for (int64_t r = 0; r < rows; ++r) {
    for (int u = 0; u < U; ++u) {
      store<kWide>(panel + (r * U + u) * kWide,
                   gain[u] * load_some(in + r * pitch + c + u * kWide,
                                       left - u * kWide));
    }
  }
}

// The same for a transposed matrix, whose columns are `pitch` apart.
template <int U>
void pack_transposed(const float* in, int64_t rows, int64_t pitch,
                     int64_t columns, int64_t c, float* panel) {
  const int64_t count = std::min<int64_t>(U * kWide, columns - c);
  for (int64_t r = 0; r < rows; r += 16) {  // a cache line of `in`
    const int64_t end = std::min(r + 16, rows);
    for (int64_t i = 0; i < U * kWide; ++i) {
      for (int64_t s = r; s < end; ++s) {
        panel[s * U * kWide + i] = i < count ? in[(c + i) * pitch + s] : 0;
      }
    }
  }
}

// What a convolution sees: the rows of its matrix. Of the channels only the
// first `live` count.
struct Patches {
  const float* x;
  int64_t height, width, channels, out_height, out_width, taps_down,
      taps_across, stride, dilation, top, left, live;

  int64_t taps() const { return taps_down * taps_across; }
  int64_t depth() const { return taps() * live; }
  int64_t count(int64_t images) const {
    return images * out_height * out_width;
  }
  bool plain() const {
    return taps() == 1 && stride == 1 && top == 0 && left == 0 &&
           height == out_height && width == out_width;
  }
  // From one row to the next, of what `rows` gives.
  int64_t pitch() const { return plain() ? channels : depth(); }

  // Rows [from, to): where they are, or unfolded into `scratch`.
  const float* rows(int64_t from, int64_t to,
                    std::vector<float>& scratch) const {
    if (plain()) return x + from * channels;
    scratch.resize((to - from) * depth());
    float* out = scratch.data();
    for (int64_t row = from; row < to; ++row) {
      const int64_t image = row / (out_height * out_width);
      const int64_t h = row / out_width % out_height, w = row % out_width;
      for (int64_t i = 0; i < taps_down; ++i) {
        const int64_t y = h * stride + i * dilation - top;
        for (int64_t j = 0; j < taps_across; ++j, out += live) {
          const int64_t z = w * stride + j * dilation - left;
          if (y < 0 || y >= height || z < 0 || z >= width) {
            std::fill(out, out + live, 0.0f);
          } else {
            const float* in = x + ((image * height + y) * width + z) * channels;
            for (int64_t c = 0; c < live; ++c) out[c] = in[c];
          }
        }
      }
    }
    return scratch.data();
  }
};

// A kernel [taps, channels, columns] as panels of its live rows and columns,
// one after another.
struct Weights {
  int64_t taps, channels, columns, live_rows, live_columns;

  int64_t depth() const { return taps * live_rows; }

  template <typename F>
  const float* each(ffi::ThreadPool& pool, F f) const {
    thread_local std::vector<float> kept;
    const Panels panels{live_columns};
    kept.resize(depth() * panels.padded());
    float* made = kept.data();
    parallel(pool, panels.stripes(), [&](int64_t stripe) {
      panels.each(stripe, [&]<int U>(int64_t c) {
        f.template operator()<U>(c, made + depth() * c);
      });
    });
    return made;
  }

  const float* packed(ffi::ThreadPool& pool, const float* weights,
                      const float* gains) const {
    return each(pool, [&]<int U>(int64_t c, float* panel) {
      Vec<kWide> gain[U];
      for (int u = 0; u < U; ++u) {
        const int64_t at = c + u * kWide;
        gain[u] = load_some(gains + at, live_columns - at);
      }
      for (int64_t tap = 0; tap < taps; ++tap) {
        pack<U>(weights + tap * channels * columns, live_rows, columns,
                live_columns, c, gain, panel + tap * live_rows * U * kWide);
      }
    });
  }

  // Of the transposed kernel of one tap: [columns, channels].
  const float* transposed(ffi::ThreadPool& pool, const float* weights) const {
    return each(pool, [&]<int U>(int64_t c, float* panel) {
      pack_transposed<U>(weights, live_rows, channels, live_columns, c, panel);
    });
  }
};

// y = activation(patches * weights + bias); y's other columns are zeros.
template <int A>
void product(ffi::ThreadPool& pool, const Patches& patches, int64_t count,
             const float* panels, const float* bias, int64_t live,
             int64_t columns, float* y) {
  const int64_t depth = patches.depth(), pitch = patches.pitch();
  std::vector<float> shift(Panels{live}.padded());
  if (bias) std::copy(bias, bias + live, shift.begin());
  const int64_t blocks = (count + kBlock - 1) / kBlock;
  parallel(pool, blocks, [&](int64_t block) {
    const int64_t from = block * kBlock, to = std::min(count, from + kBlock);
    thread_local std::vector<float> scratch;
    const float* a = patches.rows(from, to, scratch);
    const auto fill = [&]<int U>(int64_t c) {
      const float* panel = panels + depth * c;
      Vec<kWide> start[U];
      for (int u = 0; u < U; ++u) start[u] = load<kWide>(&shift[c + u * kWide]);
      each_rows(to - from, [&]<int R>(int64_t r) {
        Vec<kWide> sums[R][U];
#pragma GCC unroll 6
        for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
          for (int u = 0; u < U; ++u) sums[i][u] = start[u];
        }
        multiply<R, U>(a + r * pitch, pitch, 1, panel, depth, sums);
        float* out = y + (from + r) * columns + c;
#pragma GCC unroll 6
        for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
          for (int u = 0; u < U; ++u) {
            store_some(out + i * columns + u * kWide, activate<A>(sums[i][u]),
                       live - c - u * kWide);
          }
        }
      });
    };
    for (int64_t s = 0; s < Panels{live}.stripes(); ++s) {
      Panels{live}.each(s, fill);
    }
    clear(y, from, to, live, columns);
  });
}

// Adds the product of rows [from, to) of both matrices to sums [depth, columns
// of the stripe, padded], panel after panel.
void add_outer(const Patches& patches, const float* dy, int64_t columns,
               int64_t live, int64_t stripe, int64_t from, int64_t to,
               float* sums) {
  const int64_t depth = patches.depth(), pitch = patches.pitch();
  thread_local std::vector<float> scratch, left, right;
  left.resize(round_up(depth, kRows) * kDepth);
  right.resize(kDepth * kPanel * kWide);
  for (int64_t at = from; at < to; at += kDepth) {
    const int64_t rows = std::min(kDepth, to - at);
    const float* a = patches.rows(at, at + rows, scratch);
    for (int64_t t = 0; t < depth; t += kRows) {
      const int64_t some = std::min<int64_t>(kRows, depth - t);
      float* out = left.data() + t * kDepth;
      for (int64_t r = 0; r < rows; ++r) {
        const float* in = a + r * pitch + t;
        if (some == kRows) {
          std::memcpy(out + r * kRows, in, kRows * sizeof(float));
        } else {
          std::copy(in, in + some, out + r * kRows);
        }
      }
    }
    Panels{live}.each(stripe, [&]<int U>(int64_t c) {
      Vec<kWide> one[U];
      for (int u = 0; u < U; ++u) one[u] = Vec<kWide>{} + 1.0f;
      pack<U>(dy + at * columns, rows, columns, live, c, one, right.data());
      float* panel = sums + (c - stripe * kStripe) * depth;
      for (int64_t t = 0; t < depth; t += kRows) {
        const int64_t some = std::min<int64_t>(kRows, depth - t);
        Vec<kWide> tile[kRows][U] = {};
        multiply<kRows, U>(left.data() + t * kDepth, 1, kRows, right.data(),
                           rows, tile);
        for (int64_t i = 0; i < some; ++i) {
          float* out = panel + (t + i) * U * kWide;
          for (int u = 0; u < U; ++u) {
            store<kWide>(out + u * kWide,
                         load<kWide>(out + u * kWide) + tile[i][u]);
          }
        }
      }
    });
  }
}

template <typename X, typename K, typename Y>
Patches patches_of(const X& x, const K& kernel, const Y& y, int64_t stride,
                   int64_t dilation, int64_t top, int64_t left, int64_t live,
                   const float* data) {
  return {data,      x[1],   x[2],     x[3], y[1], y[2], kernel[0],
          kernel[1], stride, dilation, top,  left, live};
}

ffi::Error Forward(ffi::ThreadPool pool, int64_t stride, int64_t dilation,
                   int64_t top, int64_t left, int64_t activation, Image x,
                   Image kernel, Channel gain, Channel bias, Counts live,
                   ImageOut y) {
  const auto in = x.dimensions(), k = kernel.dimensions();
  const auto out = y->dimensions();
  const int64_t live_in = count_of(live, 0, in[3]);
  const int64_t live_out = count_of(live, 1, out[3]);
  const auto patches = patches_of(in, k, out, stride, dilation, top, left,
                                  live_in, x.typed_data());
  const Weights weights{k[0] * k[1], in[3], out[3], live_in, live_out};
  const float* panels =
      weights.packed(pool, kernel.typed_data(), gain.typed_data());
  return with(activation, [&]<int A>() {
    product<A>(pool, patches, patches.count(in[0]), panels, bias.typed_data(),
               live_out, out[3], y->typed_data());
  });
}

// Of a kernel of one pixel and stride 1.
ffi::Error InputGradient(ffi::ThreadPool pool, Image dy, Image kernel,
                         Counts live, ImageOut dx) {
  const auto in = dy.dimensions(), out = dx->dimensions();
  const int64_t live_in = count_of(live, 0, out[3]);
  const int64_t live_out = count_of(live, 1, in[3]);
  const Patches patches{
      dy.typed_data(), in[1], in[2], in[3], in[1], in[2], 1, 1, 1, 1, 0, 0,
      live_out};
  const Weights weights{1, in[3], out[3], live_out, live_in};
  product<kLinear>(pool, patches, patches.count(in[0]),
                   weights.transposed(pool, kernel.typed_data()), nullptr,
                   live_in, out[3], dx->typed_data());
  return ffi::Error::Success();
}

ffi::Error KernelGradient(ffi::ThreadPool pool, int64_t stride,
                          int64_t dilation, int64_t top, int64_t left, Image x,
                          Image dy, Counts live, ImageOut dk) {
  const auto in = x.dimensions(), out = dy.dimensions(), k = dk->dimensions();
  const int64_t live_in = count_of(live, 0, in[3]), columns = out[3];
  const int64_t live_out = count_of(live, 1, columns);
  const auto patches = patches_of(in, k, out, stride, dilation, top, left,
                                  live_in, x.typed_data());
  const int64_t count = patches.count(in[0]), depth = patches.depth();
  const Panels panels{live_out};
  const int64_t stripes = panels.stripes(), padded = panels.padded();
  const int64_t groups = std::clamp<int64_t>(count / (4 * kDepth), 1, 8);
  thread_local std::vector<float> kept;
  kept.assign(groups * depth * padded, 0.0f);
  float* sums = kept.data();
  parallel(pool, groups * stripes, [&](int64_t task) {
    const int64_t group = task / stripes, stripe = task % stripes;
    add_outer(patches, dy.typed_data(), columns, live_out, stripe,
              count * group / groups, count * (group + 1) / groups,
              sums + (group * padded + stripe * kStripe) * depth);
  });
  float* total = dk->typed_data();
  if (live_in < in[3] || live_out < columns) {
    std::fill(total, total + dk->element_count(), 0.0f);
  }
  parallel(pool, stripes, [&](int64_t stripe) {
    panels.each(stripe, [&]<int U>(int64_t c) {
      for (int64_t d = 0; d < depth; ++d) {
        float* out = total + (d / live_in * in[3] + d % live_in) * columns + c;
        for (int u = 0; u < U; ++u) {
          Vec<kWide> sum = {};
          for (int64_t g = 0; g < groups; ++g) {
            sum += load<kWide>(sums + (g * padded + c) * depth +
                               (d * U + u) * kWide);
          }
          store_some(out + u * kWide, sum, live_out - c - u * kWide);
        }
      }
    });
  });
  if (kept.size() > kKept) std::vector<float>().swap(kept);
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(conv_forward, Forward,
                              Window()
                                  .Attr<int64_t>("activation")
                                  .Arg<Image>()
                                  .Arg<Image>()
                                  .Arg<Channel>()
                                  .Arg<Channel>()
                                  .Arg<Counts>()
                                  .Ret<Image>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(conv_input_gradient, InputGradient,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Image>()
                                  .Arg<Image>()
                                  .Arg<Counts>()
                                  .Ret<Image>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(
    conv_kernel_gradient, KernelGradient,
    Window().Arg<Image>().Arg<Image>().Arg<Counts>().Ret<Image>());
