// Batch norm with its activation, and the gradient; float32, [..., C].
//
// Two passes forward and two backward, whatever the activation: XLA's loops
// take more, and write out what they sum.

#include <cmath>
#include <vector>

#include "activation.h"
#include "call.h"
#include "lanes.h"

namespace {

constexpr int64_t kTile = 32;    // rows that stay in the nearest cache
constexpr int64_t kGroups = 16;  // of rows: what is summed on its own

// [rows, channels], channels together.
struct Rows {
  int64_t rows, channels, live;

  int64_t groups() const { return std::min(rows, kGroups); }
  int64_t first(int64_t group) const { return rows * group / groups(); }

  // Calls f.template operator()<W, U>(c, from, to) for all channels of tiles
  // of the rows of a group.
  template <typename F>
  void each(int64_t group, F f) const {
    const int64_t end = first(group + 1);
    for (int64_t from = first(group); from < end; from += kTile) {
      const int64_t to = std::min(from + kTile, end);
      each_chunk(live, [&]<int W, int U>(int64_t c) {
        f.template operator()<W, U>(c, from, to);
      });
    }
  }
};

// Sums f's pairs over all rows: f(offset, c) gives two numbers a channel.
template <typename F>
std::vector<double> two_sums(ffi::ThreadPool& pool, Rows shape, F f) {
  const int64_t channels = shape.channels, groups = shape.groups();
  std::vector<float> sums(2 * groups * channels);
  parallel(pool, groups, [&](int64_t group) {
    float* one = sums.data() + 2 * group * channels;
    float* two = one + channels;
    shape.each(group, [&]<int W, int U>(int64_t c, int64_t from, int64_t to) {
      for (int u = 0; u < U; ++u) {
        const int64_t at = c + u * W;
        Vec<W> a = load<W>(one + at), b = load<W>(two + at);
        auto values = f.template operator()<W>(at);
        for (int64_t r = from; r < to; ++r) values(r * channels + at, a, b);
        store<W>(one + at, a);
        store<W>(two + at, b);
      }
    });
  });
  std::vector<double> total(2 * channels);
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t i = 0; i < 2 * channels; ++i) {
      total[i] += sums[2 * g * channels + i];
    }
  }
  return total;
}

Rows shape_of(const ffi::Buffer<ffi::F32>& x, const Counts& live) {
  const int64_t channels = x.dimensions().back();
  return {static_cast<int64_t>(x.element_count()) / channels, channels,
          count_of(live, 0, channels)};
}

template <int A>
void norm_forward(ffi::ThreadPool& pool, Rows shape, const float* x,
                  const float* scale, const float* bias, const float* mask,
                  float* y, float* mean, float* var, float epsilon) {
  const int64_t channels = shape.channels;
  // differences from the first row: nothing cancels where the mean is large
  const auto sums = two_sums(pool, shape, [&]<int W>(int64_t c) {
    return [x, first = load<W>(x + c)](int64_t at, Vec<W>& a, Vec<W>& b) {
      const Vec<W> off = load<W>(x + at) - first;
      a += off;
      b += off * off;
    };
  });
  std::vector<float> gain(channels), shift(channels);
  for (int64_t c = 0; c < channels; ++c) {
    const double off = sums[c] / shape.rows;
    const double spread = sums[channels + c] / shape.rows - off * off;
    mean[c] = x[c] + off;
    var[c] = std::max(spread, 0.0);
    gain[c] = scale[c] / std::sqrt(var[c] + epsilon);
    shift[c] = bias[c] - mean[c] * gain[c];
  }
  parallel(pool, shape.groups(), [&](int64_t group) {
    shape.each(group, [&]<int W, int U>(int64_t c, int64_t from, int64_t to) {
      for (int u = 0; u < U; ++u) {
        const int64_t at = c + u * W;
        const Vec<W> g = load<W>(gain.data() + at);
        const Vec<W> s = load<W>(shift.data() + at), m = load<W>(mask + at);
        for (int64_t r = from; r < to; ++r) {
          const int64_t i = r * channels + at;
          store<W>(y + i, m * activate<A>(load<W>(x + i) * g + s));
        }
      }
    });
    clear(y, shape.first(group), shape.first(group + 1), shape.live, channels);
  });
}

template <int A>
void norm_backward(ffi::ThreadPool& pool, Rows shape, const float* x,
                   const float* dy, const float* scale, const float* bias,
                   const float* mask, const float* mean, const float* var,
                   float* dx, float* d_scale, float* d_bias, float epsilon) {
  const int64_t channels = shape.channels;
  std::vector<float> inverse(channels), gain(channels), shift(channels);
  for (int64_t c = 0; c < channels; ++c) {
    inverse[c] = 1.0f / std::sqrt(var[c] + epsilon);
    gain[c] = scale[c] * inverse[c];
    shift[c] = bias[c] - mean[c] * gain[c];
  }
  const auto sums = two_sums(pool, shape, [&]<int W>(int64_t c) {
    return [x, dy, g = load<W>(gain.data() + c), s = load<W>(shift.data() + c),
            middle = load<W>(mean + c),
            m = load<W>(mask + c)](int64_t at, Vec<W>& a, Vec<W>& b) {
      const Vec<W> in = load<W>(x + at);
      const Vec<W> dz = backward<A>(in * g + s, m * load<W>(dy + at));
      a += dz;
      b += dz * (in - middle);
    };
  });
  // dx = gain * (dz - mean(dz) - normal * mean(dz * normal)), as p*dz + q*x + r
  std::vector<float> q(channels), r(channels);
  for (int64_t c = 0; c < channels; ++c) {
    d_bias[c] = sums[c];
    d_scale[c] = sums[channels + c] * inverse[c];
    q[c] = -gain[c] * inverse[c] * d_scale[c] / shape.rows;
    r[c] = -gain[c] * d_bias[c] / shape.rows - q[c] * mean[c];
  }
  parallel(pool, shape.groups(), [&](int64_t group) {
    shape.each(group, [&]<int W, int U>(int64_t c, int64_t from, int64_t to) {
      for (int u = 0; u < U; ++u) {
        const int64_t at = c + u * W;
        const Vec<W> g = load<W>(gain.data() + at);
        const Vec<W> s = load<W>(shift.data() + at), m = load<W>(mask + at);
        const Vec<W> slope = load<W>(q.data() + at);
        const Vec<W> rest = load<W>(r.data() + at);
        for (int64_t i = from * channels + at; i < to * channels;
             i += channels) {
          const Vec<W> in = load<W>(x + i);
          const Vec<W> dz = backward<A>(in * g + s, m * load<W>(dy + i));
          store<W>(dx + i, dz * g + (in * slope + rest));
        }
      }
    });
    clear(dx, shape.first(group), shape.first(group + 1), shape.live, channels);
  });
}

using Tensor = ffi::Buffer<ffi::F32>;
using TensorOut = ffi::Result<Tensor>;
using ChannelOut = ffi::Result<Channel>;

ffi::Error NormForward(ffi::ThreadPool pool, float epsilon, int64_t activation,
                       Tensor x, Channel scale, Channel bias, Channel mask,
                       Counts live, TensorOut y, ChannelOut mean,
                       ChannelOut var) {
  return with(activation, [&]<int A>() {
    norm_forward<A>(pool, shape_of(x, live), x.typed_data(), scale.typed_data(),
                    bias.typed_data(), mask.typed_data(), y->typed_data(),
                    mean->typed_data(), var->typed_data(), epsilon);
  });
}

ffi::Error NormBackward(ffi::ThreadPool pool, float epsilon, int64_t activation,
                        Tensor x, Channel scale, Channel bias, Channel mask,
                        Counts live, Tensor dy, Channel mean, Channel var,
                        TensorOut dx, ChannelOut d_scale, ChannelOut d_bias) {
  return with(activation, [&]<int A>() {
    norm_backward<A>(pool, shape_of(x, live), x.typed_data(), dy.typed_data(),
                     scale.typed_data(), bias.typed_data(), mask.typed_data(),
                     mean.typed_data(), var.typed_data(), dx->typed_data(),
                     d_scale->typed_data(), d_bias->typed_data(), epsilon);
  });
}

// What both take.
auto Normalization() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::ThreadPool>()
      .Attr<float>("epsilon")
      .Attr<int64_t>("activation")
      .Arg<Tensor>()
      .Arg<Channel>()
      .Arg<Channel>()
      .Arg<Channel>()
      .Arg<Counts>();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(
    norm_activation_forward, NormForward,
    Normalization().Ret<Tensor>().Ret<Channel>().Ret<Channel>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(norm_activation_backward, NormBackward,
                              Normalization()
                                  .Arg<Tensor>()
                                  .Arg<Channel>()
                                  .Arg<Channel>()
                                  .Ret<Tensor>()
                                  .Ret<Channel>()
                                  .Ret<Channel>());
