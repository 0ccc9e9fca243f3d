// Batch norm with its activation, and the gradient; float32, [..., C].
//
// Two passes forward and two backward, whatever the activation: XLA's loops
// take more, and write out what they sum.

#include <cmath>
#include <vector>

#include "lanes.h"

namespace ffi = xla::ffi;

namespace {

// Batch norm with its activation: [rows, channels], channels together.

enum Activation : int64_t { kLinear, kRelu, kRelu6, kHardSwish };

template <int A, typename V>
inline V activate(V z) {
  const V zero = {}, six = zero + 6.0f;
  if constexpr (A == kLinear) return z;
  if constexpr (A == kRelu) return z > zero ? z : zero;
  const V shifted = A == kHardSwish ? z + 3.0f : z;
  const V low = shifted > zero ? shifted : zero;
  const V clipped = low < six ? low : six;
  return A == kHardSwish ? z * clipped * (1.0f / 6.0f) : clipped;
}

// dy times the activation's slope at z; at a corner that of JAX's `where`s.
template <int A, typename V>
inline V backward(V z, V dy) {
  const V zero = {};
  if constexpr (A == kLinear) return dy;
  if constexpr (A == kRelu) return z > zero ? dy : zero;
  if constexpr (A == kRelu6) {
    const V kept = z > zero ? dy : zero;
    return z < zero + 6.0f ? kept : zero;
  }
  const V slope = (z + z + 3.0f) * (1.0f / 6.0f);
  const V inner = z > zero - 3.0f ? slope * dy : zero;
  return z < zero + 3.0f ? inner : dy;
}

constexpr int64_t kTile = 32;  // rows that stay in the nearest cache
constexpr int64_t kGroups = 16;  // of rows: what is summed on its own

struct Rows {
  int64_t rows, channels;

  int64_t groups() const { return std::min(rows, kGroups); }

  // Calls f.template operator()<W, U>(c, from, to) for all channels of tiles
  // of the rows of a group.
  template <typename F>
  void each(int64_t group, F f) const {
    const int64_t end = rows * (group + 1) / groups();
    for (int64_t from = rows * group / groups(); from < end; from += kTile) {
      const int64_t to = std::min(from + kTile, end);
      each_chunk(channels, [&]<int W, int U>(int64_t c) {
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

using Channel = ffi::Buffer<ffi::F32, 1>;

Rows shape_of(const ffi::Buffer<ffi::F32>& x) {
  const int64_t channels = x.dimensions().back();
  return {static_cast<int64_t>(x.element_count()) / channels, channels};
}

template <int A>
void norm_forward(ffi::ThreadPool& pool, Rows shape, const float* x,
                  const float* scale, const float* bias, float* y, float* mean,
                  float* var, float epsilon) {
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
        const Vec<W> s = load<W>(shift.data() + at);
        for (int64_t r = from; r < to; ++r) {
          const int64_t i = r * channels + at;
          store<W>(y + i, activate<A>(load<W>(x + i) * g + s));
        }
      }
    });
  });
}

template <int A>
void norm_backward(ffi::ThreadPool& pool, Rows shape, const float* x,
                   const float* dy, const float* scale, const float* bias,
                   const float* mean, const float* var, float* dx,
                   float* d_scale, float* d_bias, float epsilon) {
  const int64_t channels = shape.channels;
  std::vector<float> inverse(channels), gain(channels), shift(channels);
  for (int64_t c = 0; c < channels; ++c) {
    inverse[c] = 1.0f / std::sqrt(var[c] + epsilon);
    gain[c] = scale[c] * inverse[c];
    shift[c] = bias[c] - mean[c] * gain[c];
  }
  const auto sums = two_sums(pool, shape, [&]<int W>(int64_t c) {
    return [x, dy, g = load<W>(gain.data() + c), s = load<W>(shift.data() + c),
            m = load<W>(mean + c)](int64_t at, Vec<W>& a, Vec<W>& b) {
      const Vec<W> in = load<W>(x + at);
      const Vec<W> dz = backward<A>(in * g + s, load<W>(dy + at));
      a += dz;
      b += dz * (in - m);
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
        const Vec<W> s = load<W>(shift.data() + at);
        const Vec<W> slope = load<W>(q.data() + at);
        const Vec<W> rest = load<W>(r.data() + at);
        for (int64_t i = from * channels + at; i < to * channels;
             i += channels) {
          const Vec<W> in = load<W>(x + i);
          const Vec<W> dz = backward<A>(in * g + s, load<W>(dy + i));
          store<W>(dx + i, dz * g + (in * slope + rest));
        }
      }
    });
  });
}

// Calls f.template operator()<activation>().
template <typename F>
ffi::Error with(int64_t activation, F f) {
  switch (activation) {
    case kLinear: f.template operator()<kLinear>(); break;
    case kRelu: f.template operator()<kRelu>(); break;
    case kRelu6: f.template operator()<kRelu6>(); break;
    case kHardSwish: f.template operator()<kHardSwish>(); break;
    default: return ffi::Error::InvalidArgument("unknown activation");
  }
  return ffi::Error::Success();
}

using Tensor = ffi::Buffer<ffi::F32>;

ffi::Error NormForward(ffi::ThreadPool pool, Tensor x, Channel scale,
                       Channel bias, ffi::Result<Tensor> y,
                       ffi::Result<Channel> mean, ffi::Result<Channel> var,
                       float epsilon, int64_t activation) {
  return with(activation, [&]<int A>() {
    norm_forward<A>(pool, shape_of(x), x.typed_data(), scale.typed_data(),
                    bias.typed_data(), y->typed_data(), mean->typed_data(),
                    var->typed_data(), epsilon);
  });
}

ffi::Error NormBackward(ffi::ThreadPool pool, Tensor x, Tensor dy,
                        Channel scale, Channel bias, Channel mean, Channel var,
                        ffi::Result<Tensor> dx, ffi::Result<Channel> d_scale,
                        ffi::Result<Channel> d_bias, float epsilon,
                        int64_t activation) {
  return with(activation, [&]<int A>() {
    norm_backward<A>(pool, shape_of(x), x.typed_data(), dy.typed_data(),
                     scale.typed_data(), bias.typed_data(), mean.typed_data(),
                     var.typed_data(), dx->typed_data(),
                     d_scale->typed_data(), d_bias->typed_data(), epsilon);
  });
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(norm_activation_forward, NormForward,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Tensor>()
                                  .Arg<Channel>()
                                  .Arg<Channel>()
                                  .Ret<Tensor>()
                                  .Ret<Channel>()
                                  .Ret<Channel>()
                                  .Attr<float>("epsilon")
                                  .Attr<int64_t>("activation"));
XLA_FFI_DEFINE_HANDLER_SYMBOL(norm_activation_backward, NormBackward,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Tensor>()
                                  .Arg<Tensor>()
                                  .Arg<Channel>()
                                  .Arg<Channel>()
                                  .Arg<Channel>()
                                  .Arg<Channel>()
                                  .Ret<Tensor>()
                                  .Ret<Channel>()
                                  .Ret<Channel>()
                                  .Attr<float>("epsilon")
                                  .Attr<int64_t>("activation"));
