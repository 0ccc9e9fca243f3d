// Registers of neighbouring channels.

#ifndef MOBILENET_JAX_NN_NATIVE_LANES_H_
#define MOBILENET_JAX_NN_NATIVE_LANES_H_

#include <cstdint>

#if defined(__AVX512F__)
constexpr int kWide = 16;
#else
constexpr int kWide = 8;
#endif

// W neighbouring channels: as many as a register holds, or fewer at the end.
template <int W>
struct Lanes {
  typedef float type __attribute__((vector_size(W * sizeof(float))));
  typedef float loose
      __attribute__((vector_size(W * sizeof(float)), aligned(4), may_alias));
};
template <>
struct Lanes<1> {
  typedef float type;
  typedef float loose;
};
template <int W>
using Vec = typename Lanes<W>::type;

template <int W>
inline Vec<W> load(const float* p) {
  return *reinterpret_cast<const typename Lanes<W>::loose*>(p);
}
template <int W>
inline void store(float* p, Vec<W> v) {
  *reinterpret_cast<typename Lanes<W>::loose*>(p) = v;
}

// Calls f.template operator()<W, U>(c), for U registers of W channels from c
// on, until all channels are covered.
template <typename F>
inline void each_chunk(int64_t channels, F f) {
  int64_t c = 0;
  for (; c + 2 * kWide <= channels; c += 2 * kWide) {
    f.template operator()<kWide, 2>(c);
  }
  for (; c + kWide <= channels; c += kWide) f.template operator()<kWide, 1>(c);
  if constexpr (kWide > 8) {
    for (; c + 8 <= channels; c += 8) f.template operator()<8, 1>(c);
  }
  for (; c + 4 <= channels; c += 4) f.template operator()<4, 1>(c);
  for (; c < channels; ++c) f.template operator()<1, 1>(c);
}

#endif
