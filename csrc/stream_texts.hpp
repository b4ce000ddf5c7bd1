// Texts -> numbers 0, 1, ... in the order in which they come.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace ml {

class TextNumbers {
 public:
  TextNumbers() : table_(64), start_(1, 0) {}

  std::int64_t size() const { return static_cast<std::int64_t>(start_.size()) - 1; }
  const std::vector<std::int64_t>& start() const { return start_; }  // size + 1
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

  std::int64_t number(const std::uint8_t* text, std::size_t length) {
    const std::uint64_t hash = hash_of(text, length);
    std::uint64_t at = hash & (table_.size() - 1);
    for (; table_[at].number >= 0; at = (at + 1) & (table_.size() - 1))
      if (table_[at].hash == hash && is(table_[at].number, text, length)) return table_[at].number;
    if (size() >= INT32_MAX) throw std::length_error("more levels than int32 can number");
    table_[at] = {hash, static_cast<std::int32_t>(size())};
    bytes_.insert(bytes_.end(), text, text + length);
    start_.push_back(static_cast<std::int64_t>(bytes_.size()));
    if (2 * static_cast<std::uint64_t>(size()) > table_.size()) grow();
    return size() - 1;
  }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::int32_t number = -1;
  };

  // Eight bytes at a time, each step mixed well enough for the low bits to be used.
  static std::uint64_t hash_of(const std::uint8_t* text, std::size_t length) {
    std::uint64_t hash = 0x9E3779B97F4A7C15ull ^ length;
    for (std::size_t at = 0; at < length; at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, text + at, length - at < 8 ? length - at : 8);
      hash = (hash ^ word) * 0xD6E8FEB86659FD93ull;
      hash ^= hash >> 32;
    }
    hash *= 0xD6E8FEB86659FD93ull;
    return hash ^ (hash >> 32);
  }

  bool is(std::int32_t number, const std::uint8_t* text, std::size_t length) const {
    const auto own = static_cast<std::size_t>(start_[number + 1] - start_[number]);
    return own == length && (length == 0 || std::memcmp(bytes_.data() + start_[number], text, length) == 0);
  }

  void grow() {
    std::vector<Entry> table(2 * table_.size());
    for (const Entry& entry : table_) {
      if (entry.number < 0) continue;
      std::uint64_t at = entry.hash & (table.size() - 1);
      while (table[at].number >= 0) at = (at + 1) & (table.size() - 1);
      table[at] = entry;
    }
    table_ = std::move(table);
  }

  std::vector<Entry> table_;
  std::vector<std::int64_t> start_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace ml
