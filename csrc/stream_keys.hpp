// Keys of rows -> numbers 0, 1, ... of the levels met so far.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <type_traits>
#include <vector>

namespace ml {

inline std::uint64_t mixed_bits(std::int64_t key) {
  std::uint64_t h = static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15ull;
  return h ^ (h >> 32);
}

// A hash table of whole numbers, numbered in the order in which they come.
class KeyNumbers {
 public:
  KeyNumbers() : table_(64) {}

  std::int32_t number(std::int64_t key) {
    std::uint64_t at = mixed_bits(key) & (table_.size() - 1);
    while (table_[at].number >= 0) {
      if (table_[at].key == key) return table_[at].number;
      at = (at + 1) & (table_.size() - 1);
    }
    if (keys_.size() >= static_cast<std::size_t>(INT32_MAX)) throw std::length_error("more levels than int32 can number");
    const auto fresh = static_cast<std::int32_t>(keys_.size());
    keys_.push_back(key);
    table_[at] = {key, fresh};
    if (2 * keys_.size() > table_.size()) grow();
    return fresh;
  }

  void prefetch(std::int64_t key) const { __builtin_prefetch(&table_[mixed_bits(key) & (table_.size() - 1)]); }
  std::int64_t size() const { return static_cast<std::int64_t>(keys_.size()); }
  std::int64_t key(std::int64_t number) const { return keys_[number]; }

 private:
  struct Entry {
    std::int64_t key = 0;
    std::int32_t number = -1;
  };

  void grow() {
    std::vector<Entry> table(2 * table_.size());
    for (std::size_t n = 0; n < keys_.size(); ++n) {
      std::uint64_t at = mixed_bits(keys_[n]) & (table.size() - 1);
      while (table[at].number >= 0) at = (at + 1) & (table.size() - 1);
      table[at] = {keys_[n], static_cast<std::int32_t>(n)};
    }
    table_ = std::move(table);
  }

  std::vector<Entry> table_;
  std::vector<std::int64_t> keys_;
};

// How the values of one key column become numbers.
//   range    low <= key < low + size, number = key - low
//   codes    keys are numbers themselves, from 0, without an upper bound known before
//   hashed   any keys
struct KeyColumn {
  enum class Kind { range, codes, hashed };
  Kind kind = Kind::hashed;
  std::int64_t low = 0, size = 0;
  KeyNumbers numbers;

  std::int64_t levels() const { return kind == Kind::hashed ? numbers.size() : size; }
  std::int64_t key(std::int64_t number) const { return kind == Kind::hashed ? numbers.key(number) : low + number; }

  // Numbers of some rows' keys.
  template <class T>
  void fill(const T* keys, int rows, std::int32_t* out) {
    if (kind == Kind::hashed) {
      for (int i = 0; i < rows; ++i) numbers.prefetch(static_cast<std::int64_t>(keys[i]));
      for (int i = 0; i < rows; ++i) out[i] = numbers.number(static_cast<std::int64_t>(keys[i]));
      return;
    }
    std::uint64_t reach = 0;
    if (sizeof(T) <= 4 && low >= INT32_MIN && low <= (std::is_unsigned_v<T> ? UINT32_MAX : INT32_MAX)) {
      // In 32 bits, which fit many lanes: what is below `low` wraps round to a large number.
      const auto from = static_cast<std::uint32_t>(low);
      std::uint32_t most = 0;
      for (int i = 0; i < rows; ++i) {
        const std::uint32_t d = static_cast<std::uint32_t>(keys[i]) - from;
        most = d > most ? d : most;
        out[i] = static_cast<std::int32_t>(d);
      }
      reach = most;
    } else {
      for (int i = 0; i < rows; ++i) {
        const std::uint64_t d = static_cast<std::uint64_t>(keys[i]) - static_cast<std::uint64_t>(low);
        reach |= d >= static_cast<std::uint64_t>(INT32_MAX) ? UINT64_MAX : 0;
        out[i] = static_cast<std::int32_t>(d);
      }
      for (int i = 0; i < rows; ++i) reach = reach > static_cast<std::uint64_t>(out[i]) ? reach : static_cast<std::uint64_t>(out[i]);
    }
    if (rows == 0 || reach < static_cast<std::uint64_t>(size)) return;
    if (kind == Kind::range || reach >= static_cast<std::uint64_t>(INT32_MAX))
      throw std::invalid_argument("a key is outside the range told before");
    size = static_cast<std::int64_t>(reach) + 1;
  }

  // The number here of a key that may be new.
  std::int32_t number(std::int64_t value) {
    std::int32_t out = 0;
    fill(&value, 1, &out);
    return out;
  }
};

}  // namespace ml
