// Depthwise convolution and its gradients; float32, [N, H, W, C].
//
// XLA's own loops read both operands of every tap from memory; here a strip of
// pixels and some channels stay in registers. Sums do not depend on the number
// of threads.

#include <vector>

#include "activation.h"
#include "call.h"
#include "lanes.h"

namespace {

// A tap of a row: where it looks, and its weights.
struct Tap {
  const float* row;     // of the input
  const float* weight;  // [channels]
  int64_t offset;       // pixel of the input seen by pixel 0 of the output
};

// Sums taps over a row: out[q * out_step] = A(bias + sum of row[offset + q *
// in_step] * weight), for q in 0..count; what lies outside 0..width counts
// nothing.
template <int A>
struct Row {
  std::vector<Tap> taps;
  const float* bias;  // [channels]
  float* out;
  int64_t out_step, in_step, count, width, channels, live;

  void run() const {
    int64_t low = 0, high = count;  // pixels that see no border
    for (const Tap& t : taps) {
      int64_t first = t.offset < 0 ? (-t.offset + in_step - 1) / in_step : 0;
      int64_t last =
          t.offset >= width ? 0 : (width - 1 - t.offset) / in_step + 1;
      low = std::max(low, first);
      high = std::min(high, last);
    }
    low = std::min(low, count);
    high = std::max(high, low);
    each_chunk(live, [&]<int W, int U>(int64_t c) {
      for (int64_t q = 0; q < low; ++q) border<W, U>(c, q);
      int64_t q = low;
      for (; q + 6 <= high; q += 6) strip<W, U, 6>(c, q);
      for (; q + 2 <= high; q += 2) strip<W, U, 2>(c, q);
      for (; q < high; ++q) strip<W, U, 1>(c, q);
      for (q = high; q < count; ++q) border<W, U>(c, q);
    });
    if (live == channels) return;
    for (int64_t q = 0; q < count; ++q) {
      float* at = out + q * out_step * channels;
      std::fill(at + live, at + channels, 0.0f);
    }
  }

  template <int W, int U, int P>
  void strip(int64_t c, int64_t q) const {
    Vec<W> sum[P][U];
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u) sum[p][u] = load<W>(bias + c + u * W);
    }
    const int64_t step = in_step * channels;
    for (const Tap& t : taps) {
      Vec<W> weight[U];
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u) weight[u] = load<W>(t.weight + c + u * W);
      const float* in = t.row + (t.offset + q * in_step) * channels + c;
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) {
#pragma GCC unroll 2
        for (int u = 0; u < U; ++u) {
          sum[p][u] += load<W>(in + p * step + u * W) * weight[u];
        }
      }
    }
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u) {
        store<W>(out + (q + p) * out_step * channels + c + u * W,
                 activate<A>(sum[p][u]));
      }
    }
  }

  template <int W, int U>
  void border(int64_t c, int64_t q) const {
    Vec<W> sum[U];
#pragma GCC unroll 2
    for (int u = 0; u < U; ++u) sum[u] = load<W>(bias + c + u * W);
    for (const Tap& t : taps) {
      int64_t at = t.offset + q * in_step;
      if (at < 0 || at >= width) continue;
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u) {
        sum[u] += load<W>(t.row + at * channels + c + u * W) *
                  load<W>(t.weight + c + u * W);
      }
    }
#pragma GCC unroll 2
    for (int u = 0; u < U; ++u) {
      store<W>(out + q * out_step * channels + c + u * W, activate<A>(sum[u]));
    }
  }
};

int64_t floor_div(int64_t a, int64_t b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

template <int A>
void forward(ffi::ThreadPool& pool, Image x, Image kernel, const float* bias,
             int64_t live, ImageOut y, int64_t stride, int64_t dilation,
             int64_t top, int64_t left) {
  const auto in = x.dimensions(), out = y->dimensions();
  const auto k = kernel.dimensions();
  const int64_t channels = in[3], rows = out[1];
  const float *xs = x.typed_data(), *weights = kernel.typed_data();
  float* ys = y->typed_data();
  parallel(pool, out[0], [&](int64_t n) {
    Row<A> row{{}, bias, nullptr, 1, stride, out[2], in[2], channels, live};
    for (int64_t h = 0; h < rows; ++h) {
      row.taps.clear();
      for (int64_t i = 0; i < k[0]; ++i) {
        const int64_t at = h * stride + i * dilation - top;
        if (at < 0 || at >= in[1]) continue;
        for (int64_t j = 0; j < k[1]; ++j) {
          row.taps.push_back({xs + (n * in[1] + at) * in[2] * channels,
                              weights + (i * k[1] + j) * channels,
                              j * dilation - left});
        }
      }
      row.out = ys + (n * rows + h) * out[2] * channels;
      row.run();
    }
  });
}

ffi::Error Forward(ffi::ThreadPool pool, int64_t stride, int64_t dilation,
                   int64_t top, int64_t left, int64_t activation, Image x,
                   Image kernel, Channel bias, Counts live, ImageOut y) {
  return with(activation, [&]<int A>() {
    forward<A>(pool, x, kernel, bias.typed_data(),
               count_of(live, 0, x.dimensions()[3]), y, stride, dilation, top,
               left);
  });
}

// Each column phase of a strided grid has its own few taps.
ffi::Error InputGradient(ffi::ThreadPool pool, int64_t stride, int64_t dilation,
                         int64_t top, int64_t left, Image dy, Image kernel,
                         Counts live, ImageOut dx) {
  const auto in = dy.dimensions(), out = dx->dimensions();
  const auto k = kernel.dimensions();
  const int64_t channels = in[3];
  const float *dys = dy.typed_data(), *weights = kernel.typed_data();
  float* dxs = dx->typed_data();
  const std::vector<float> zeros(channels);
  parallel(pool, out[0], [&](int64_t n) {
    Row<kLinear> row{{},
                     zeros.data(),
                     nullptr,
                     stride,
                     1,
                     0,
                     in[2],
                     channels,
                     count_of(live, 0, channels)};
    for (int64_t h = 0; h < out[1]; ++h) {
      for (int64_t phase = 0; phase < std::min(stride, out[2]); ++phase) {
        row.taps.clear();
        for (int64_t i = 0; i < k[0]; ++i) {
          const int64_t down = h + top - i * dilation;
          if (down < 0 || down % stride || down / stride >= in[1]) continue;
          for (int64_t j = 0; j < k[1]; ++j) {
            const int64_t across = phase + left - j * dilation;
            if (floor_div(across, stride) * stride != across) continue;
            row.taps.push_back(
                {dys + (n * in[1] + down / stride) * in[2] * channels,
                 weights + (i * k[1] + j) * channels,
                 floor_div(across, stride)});
          }
        }
        row.count = (out[2] - phase + stride - 1) / stride;
        row.out = dxs + ((n * out[1] + h) * out[2] + phase) * channels;
        row.run();
      }
    }
  });
  return ffi::Error::Success();
}

struct Kernel {
  const float *x, *dy;
  int64_t height, width, channels, rows, cols, stride, dilation, top, left;
  int64_t taps;  // of a row of the kernel

  // Adds what the taps (i, j..j+J) see of images [from, to) to sums
  // [taps][channels], for channels c..c+W*U.
  template <int W, int U, int J>
  void add(int64_t c, int64_t i, int64_t j, int64_t from, int64_t to,
           float* sums) const {
    Vec<W> sum[J][U] = {}, edges[J][U] = {};
    const int64_t first = j * dilation - left;  // offset of the first tap
    const int64_t last = (j + J - 1) * dilation - left;
    const int64_t low =
        std::min(first < 0 ? (-first + stride - 1) / stride : 0, cols);
    const int64_t high = std::max(
        std::min(last >= width ? 0 : (width - 1 - last) / stride + 1, cols),
        low);
    const auto edge = [&](const float* in, const float* grad, int64_t q) {
      for (int t = 0; t < J; ++t) {
        const int64_t at = q * stride + (j + t) * dilation - left;
        if (at < 0 || at >= width) continue;
        for (int u = 0; u < U; ++u) {
          edges[t][u] += load<W>(in + at * channels + u * W) *
                         load<W>(grad + q * channels + u * W);
        }
      }
    };
    const int64_t step = stride * channels, apart = dilation * channels;
    for (int64_t n = from; n < to; ++n) {
      for (int64_t h = 0; h < rows; ++h) {
        const int64_t at = h * stride + i * dilation - top;
        if (at < 0 || at >= height) continue;
        const float* in = x + (n * height + at) * width * channels + c;
        const float* grad = dy + (n * rows + h) * cols * channels + c;
        for (int64_t q = 0; q < low; ++q) edge(in, grad, q);
        const float* seen = in + (low * stride * channels) + first * channels;
        for (int64_t q = low; q < high; ++q, seen += step) {
          Vec<W> g[U];
#pragma GCC unroll 2
          for (int u = 0; u < U; ++u) {
            g[u] = load<W>(grad + q * channels + u * W);
          }
#pragma GCC unroll 8
          for (int t = 0; t < J; ++t) {
#pragma GCC unroll 2
            for (int u = 0; u < U; ++u) {
              sum[t][u] += load<W>(seen + t * apart + u * W) * g[u];
            }
          }
        }
        for (int64_t q = high; q < cols; ++q) edge(in, grad, q);
      }
    }
    for (int t = 0; t < J; ++t) {
      for (int u = 0; u < U; ++u) {
        store<W>(sums + (i * taps + j + t) * channels + c + u * W,
                 sum[t][u] + edges[t][u]);
      }
    }
  }

  template <int W, int U>
  void add_row(int64_t c, int64_t i, int64_t from, int64_t to,
               float* sums) const {
    int64_t j = 0;
    for (; j + 5 <= taps; j += 5) add<W, U, 5>(c, i, j, from, to, sums);
    for (; j + 3 <= taps; j += 3) add<W, U, 3>(c, i, j, from, to, sums);
    for (; j < taps; ++j) add<W, U, 1>(c, i, j, from, to, sums);
  }
};

ffi::Error KernelGradient(ffi::ThreadPool pool, int64_t stride,
                          int64_t dilation, int64_t top, int64_t left, Image x,
                          Image dy, Counts live, ImageOut dk) {
  const auto in = x.dimensions(), out = dy.dimensions();
  const auto k = dk->dimensions();
  const int64_t channels = in[3], size = k[0] * k[1] * channels;
  const Kernel kernel{
      x.typed_data(), dy.typed_data(), in[1],    in[2], channels, out[1],
      out[2],         stride,          dilation, top,   left,     k[1]};
  const int64_t groups = std::min<int64_t>(in[0], 8);
  std::vector<float> sums(groups * size);
  parallel(pool, groups, [&](int64_t g) {
    const int64_t from = in[0] * g / groups, to = in[0] * (g + 1) / groups;
    each_chunk(count_of(live, 0, channels), [&]<int W, int U>(int64_t c) {
      for (int64_t i = 0; i < k[0]; ++i) {
        kernel.add_row<W, U>(c, i, from, to, sums.data() + g * size);
      }
    });
  });
  float* total = dk->typed_data();
  for (int64_t i = 0; i < size; ++i) {
    float sum = 0;
    for (int64_t g = 0; g < groups; ++g) sum += sums[g * size + i];
    total[i] = sum;
  }
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(depthwise_forward, Forward,
                              Window()
                                  .Attr<int64_t>("activation")
                                  .Arg<Image>()
                                  .Arg<Image>()
                                  .Arg<Channel>()
                                  .Arg<Counts>()
                                  .Ret<Image>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(
    depthwise_input_gradient, InputGradient,
    Window().Arg<Image>().Arg<Image>().Arg<Counts>().Ret<Image>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(
    depthwise_kernel_gradient, KernelGradient,
    Window().Arg<Image>().Arg<Image>().Arg<Counts>().Ret<Image>());
