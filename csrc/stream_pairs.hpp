// Sums by pairs of levels: a hash table in parts that grow one by one, so that growing costs little memory.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "stream_keys.hpp"

namespace ml {

class PairSums {
 public:
  explicit PairSums(int width) : width_(width), parts_(n_parts) {
    for (Part& part : parts_) part.reset(16, width_);
  }

  static std::int64_t key(std::int32_t f, std::int32_t g) { return static_cast<std::int64_t>(f) << 32 | g; }

  void prefetch(std::int64_t key) const {
    const std::uint64_t h = mixed_bits(key);
    const Part& part = parts_[h >> 58];
    __builtin_prefetch(&part.entries[(h & part.mask) * (width_ + 1)]);
  }

  // Where the sums of a pair are; new ones are zero. Valid until the next call.
  double* at(std::int64_t key) {
    const std::uint64_t h = mixed_bits(key);
    Part& part = parts_[h >> 58];
    double* entry = find(part, h, key);
    if (std::bit_cast<std::int64_t>(entry[0]) == key) return entry + 1;
    if (10 * (part.used + 1) > 7 * (part.mask + 1)) {
      grow(part);
      entry = find(part, h, key);
    }
    ++part.used;
    entry[0] = std::bit_cast<double>(key);
    return entry + 1;
  }

  std::int64_t size() const {
    std::int64_t n = 0;
    for (const Part& part : parts_) n += static_cast<std::int64_t>(part.used);
    return n;
  }

  // visit(key, sums) for every pair; the table is empty afterwards, its memory given back on the way.
  template <class Visit>
  void drain(const Visit& visit) {
    for (Part& part : parts_) {
      for (std::uint64_t at = 0; at <= part.mask; ++at) {
        const double* entry = &part.entries[at * (width_ + 1)];
        const auto key = std::bit_cast<std::int64_t>(entry[0]);
        if (key >= 0) visit(key, entry + 1);
      }
      part.reset(16, width_);
    }
  }

 private:
  static constexpr int n_parts = 64;

  struct Part {
    std::vector<double> entries;  // key (as bits; -1 is free), then the sums
    std::uint64_t mask = 0, used = 0;

    void reset(std::uint64_t slots, int width) {
      entries = std::vector<double>(slots * (width + 1), 0.0);
      for (std::uint64_t at = 0; at < slots; ++at) entries[at * (width + 1)] = std::bit_cast<double>(std::int64_t{-1});
      mask = slots - 1;
      used = 0;
    }
  };

  // The entry of a key, or the free one where it belongs.
  double* find(Part& part, std::uint64_t h, std::int64_t key) const {
    std::uint64_t at = h & part.mask;
    for (;; at = (at + 1) & part.mask) {
      double* entry = &part.entries[at * (width_ + 1)];
      const auto there = std::bit_cast<std::int64_t>(entry[0]);
      if (there == key || there < 0) return entry;
    }
  }

  void grow(Part& part) const {
    Part wide;
    wide.reset(2 * (part.mask + 1), width_);
    wide.used = part.used;
    for (std::uint64_t at = 0; at <= part.mask; ++at) {
      const double* entry = &part.entries[at * (width_ + 1)];
      const auto key = std::bit_cast<std::int64_t>(entry[0]);
      if (key < 0) continue;
      double* to = find(wide, mixed_bits(key), key);
      for (int e = 0; e <= width_; ++e) to[e] = entry[e];
    }
    part = std::move(wide);
  }

  int width_;
  std::vector<Part> parts_;
};

}  // namespace ml
