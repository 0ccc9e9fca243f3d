// Activations of a register of channels.

#ifndef MOBILENET_JAX_NN_NATIVE_ACTIVATION_H_
#define MOBILENET_JAX_NN_NATIVE_ACTIVATION_H_

#include <cstdint>

// As `ACTIVATIONS` in ops.py counts them.
enum Activation : int64_t { kLinear, kRelu, kRelu6, kHardSwish };

template <int A, typename V>
inline V activate(V z) {
  const V zero = {}, six = zero + 6.0f;
  if constexpr (A == kLinear) return z;
  if constexpr (A == kRelu) return z < zero ? zero : z;  // NaN stays
  const V shifted = A == kHardSwish ? z + 3.0f : z;
  const V low = shifted < zero ? zero : shifted;
  const V clipped = low > six ? six : low;
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

#endif
