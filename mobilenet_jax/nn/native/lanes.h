// Registers of neighbouring channels, and XLA's threads.

#ifndef MOBILENET_JAX_NN_NATIVE_LANES_H_
#define MOBILENET_JAX_NN_NATIVE_LANES_H_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "xla/ffi/api/ffi.h"

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

// Runs task(0) ... task(count - 1) on the caller and XLA's threads. The caller
// works, too, and waits only for those that have begun: no thread of the pool
// is ever needed.
inline void parallel(xla::ffi::ThreadPool& pool, int64_t count,
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
