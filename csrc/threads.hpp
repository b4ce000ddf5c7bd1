// Independent parts of some work shared out among threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

namespace ml {

// Runs work(part, worker) for parts 0 .. parts - 1 on some threads. An exception of any part is passed on.
template <class Work>
void on_threads(std::int64_t parts, int threads, const Work& work) {
  std::atomic<std::int64_t> next{0};
  std::exception_ptr error;
  std::atomic<bool> failed{false};
  auto run = [&](int worker) {
    try {
      for (std::int64_t part = next++; part < parts && !failed; part = next++) work(part, worker);
    } catch (...) {
      if (!failed.exchange(true)) error = std::current_exception();
    }
  };
  std::vector<std::thread> pool;
  for (int i = 1; i < std::min<std::int64_t>(threads, parts); ++i) pool.emplace_back(run, i);
  run(0);
  for (auto& thread : pool) thread.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace ml
