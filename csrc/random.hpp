// Counter-based random numbers: a stream is a key, a draw is a counter, so that threads share nothing.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace ml {

// Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011). Same seed and stream: same numbers, on any thread.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t stream)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        counter_{0, 0, static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)} {}

  // In (0, 1), 53 bits.
  double uniform() {
    if (left_ == 0) refill();
    const std::uint64_t hi = block_[2 * left_ - 1], lo = block_[2 * left_ - 2];
    --left_;
    return (static_cast<double>(((hi << 32) | lo) >> 11) + 0.5) * 0x1.0p-53;
  }

  // Box and Muller (1958), both numbers of a pair used.
  double normal() {
    if (spare_) {
      spare_ = false;
      return kept_;
    }
    const double radius = std::sqrt(-2.0 * std::log(uniform())), angle = 2.0 * std::numbers::pi * uniform();
    kept_ = radius * std::sin(angle);
    spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  void refill() {
    std::array<std::uint32_t, 4> x = counter_;
    std::uint32_t k0 = key_[0], k1 = key_[1];
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t a = 0xD2511F53ull * x[0], b = 0xCD9E8D57ull * x[2];
      x = {static_cast<std::uint32_t>(b >> 32) ^ x[1] ^ k0, static_cast<std::uint32_t>(b),
           static_cast<std::uint32_t>(a >> 32) ^ x[3] ^ k1, static_cast<std::uint32_t>(a)};
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    block_ = x;
    left_ = 2;
    if (++counter_[0] == 0) ++counter_[1];
  }

  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_, block_{};
  int left_ = 0;
  double kept_ = 0.0;
  bool spare_ = false;
};

}  // namespace ml
