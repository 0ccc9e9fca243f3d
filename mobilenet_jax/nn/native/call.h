// What every kernel takes from XLA: buffers, attributes, threads.

#ifndef MOBILENET_JAX_NN_NATIVE_CALL_H_
#define MOBILENET_JAX_NN_NATIVE_CALL_H_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "activation.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

using Image = ffi::Buffer<ffi::F32, 4>;  // [N, H, W, C], or a kernel
using ImageOut = ffi::Result<Image>;
using Channel = ffi::Buffer<ffi::F32, 1>;  // [C]

using Counts = ffi::Buffer<ffi::S32, 1>;  // of live channels

// How many of `most` channels live; the others hold, and give, zeros.
inline int64_t count_of(const Counts& live, int64_t i, int64_t most) {
  return std::clamp<int64_t>(live.typed_data()[i], 0, most);
}

// Zeros in the columns from `live` on of rows [from, to).
inline void clear(float* y, int64_t from, int64_t to, int64_t live,
                  int64_t columns) {
  if (live == columns) return;
  for (int64_t r = from; r < to; ++r) {
    std::fill(y + r * columns + live, y + (r + 1) * columns, 0.0f);
  }
}

// The threads, and how a window moves, down as across.
inline auto Window() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::ThreadPool>()
      .Attr<int64_t>("stride")
      .Attr<int64_t>("dilation")
      .Attr<int64_t>("top")
      .Attr<int64_t>("left");
}

// Calls f.template operator()<activation>().
template <typename F>
ffi::Error with(int64_t activation, F f) {
  switch (activation) {
    case kLinear:
      f.template operator()<kLinear>();
      break;
    case kRelu:
      f.template operator()<kRelu>();
      break;
    case kRelu6:
      f.template operator()<kRelu6>();
      break;
    case kHardSwish:
      f.template operator()<kHardSwish>();
      break;
    default:
      return ffi::Error::InvalidArgument("unknown activation");
  }
  return ffi::Error::Success();
}

// Runs task(0) ... task(count - 1) on the caller and XLA's threads. The caller
// works, too, and waits only for those that have begun: no thread of the pool
// is ever needed.
inline void parallel(ffi::ThreadPool& pool, int64_t count,
                     const std::function<void(int64_t)>& task) {
  struct Shared {
    std::atomic<int64_t> next{0};
    std::mutex mutex;
    std::condition_variable changed;
    int64_t done = 0;
  };
  auto shared = std::make_shared<Shared>();
  auto work = [shared, count](const std::function<void(int64_t)>& run) {
    int64_t mine = 0;
    for (int64_t i; (i = shared->next.fetch_add(1)) < count; ++mine) run(i);
    if (mine == 0) return;
    std::lock_guard<std::mutex> lock(shared->mutex);
    shared->done += mine;
    shared->changed.notify_one();
  };
  int64_t helpers = std::min<int64_t>(pool.num_threads(), count) - 1;
  for (int64_t i = 0; i < helpers; ++i) {
    // task outlives it where it does anything: the caller waits for that
    pool.Schedule([work, &task] { work(task); });
  }
  work(task);
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->changed.wait(lock, [&] { return shared->done == count; });
}

#endif
