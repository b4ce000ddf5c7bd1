// Streams added together, and what they hold handed out.
#include <stdexcept>

#include "stream.hpp"

namespace ml {

namespace {

std::int32_t high(std::int64_t key) { return static_cast<std::int32_t>(key >> 32); }
std::int32_t low(std::int64_t key) { return static_cast<std::int32_t>(key & 0xffffffff); }

}  // namespace

// For each factor: the number here of each level of the other stream.
std::vector<std::vector<std::int32_t>> Stream::level_maps(const Stream& other,
                                                          const std::vector<std::span<const std::int64_t>>& codes) {
  std::vector<std::vector<std::int32_t>> columns, maps;
  for (std::size_t k = 0; k < plan_.keys.size(); ++k) {
    const KeyColumn& from = other.plan_.keys[k];
    std::vector<std::int32_t> map(from.levels());
    for (std::int64_t n = 0; n < from.levels(); ++n)
      map[n] = plan_.keys[k].number(from.kind == KeyColumn::Kind::codes ? codes[k][n] : from.key(n));
    columns.push_back(std::move(map));
  }
  for (std::size_t f = 0; f < plan_.factors.size(); ++f) {
    const std::vector<int>& keys = plan_.factors[f].keys;
    std::vector<std::int32_t> map = columns[keys[0]];
    for (std::size_t k = 1; k < keys.size(); ++k) {
      const KeyNumbers& from = other.joined_[f][k - 1];
      std::vector<std::int32_t> wider(from.size());
      for (std::int64_t n = 0; n < from.size(); ++n)
        wider[n] = joined_[f][k - 1].number(PairSums::key(map[high(from.key(n))], columns[keys[k]][low(from.key(n))]));
      map = std::move(wider);
    }
    sums_[f].require_levels(levels(f));
    maps.push_back(std::move(map));
  }
  return maps;
}

void Stream::merge(Stream& other, const std::vector<std::span<const std::int64_t>>& codes) {
  const auto maps = level_maps(other, codes);
  for (std::size_t f = 0; f < sums_.size(); ++f) {
    const int stride = sums_[f].stride();
    for (std::int64_t n = 0; n < other.sums_[f].levels(); ++n) {
      const double* from = other.sums_[f].level(n);
      if (!(from[0] > 0.0)) continue;
      double* to = sums_[f].level(maps[f][n]);
      for (int e = 0; e < stride; ++e) to[e] += from[e];
    }
    other.sums_[f].release();
  }
  for (std::size_t p = 0; p < pairs_.size(); ++p) {
    const PairPlan& plan = plan_.pairs[p];
    const std::size_t width = plan.zf.size() * plan.zg.size();
    other.pairs_[p].drain([&](std::int64_t key, const double* from) {
      double* to = pairs_[p].at(PairSums::key(maps[plan.f][high(key)], maps[plan.g][low(key)]));
      for (std::size_t e = 0; e < width; ++e) to[e] += from[e];
    });
  }
  for (std::size_t d = 0; d < total_.size(); ++d) {
    add_total(d, other.total_[d]);
    carry_[d] += other.carry_[d];
  }
  for (std::size_t c = 0; c < missing_.size(); ++c) {
    missing_[c] += other.missing_[c];
    infinite_[c] += other.infinite_[c];
  }
  rows_ += other.rows_;
}

// Of each level its number among those that have rows, or -1.
std::vector<std::int32_t> Stream::ranks(std::size_t f) const {
  std::vector<std::int32_t> out(sums_[f].levels(), -1);
  std::int32_t next = 0;
  for (std::size_t n = 0; n < out.size(); ++n)
    if (sums_[f].level(static_cast<std::int64_t>(n))[0] > 0.0) out[n] = next++;
  return out;
}

std::int64_t Stream::factor(int f, std::vector<std::vector<std::int64_t>>& keys, std::vector<double>& sums) {
  const FactorPlan& plan = plan_.factors[f];
  const std::vector<std::int32_t> rank = ranks(f);
  std::int64_t found = 0;
  for (const std::int32_t r : rank) found += r >= 0;
  const std::size_t width = plan.products.size();
  keys.assign(plan.keys.size(), std::vector<std::int64_t>(found));
  sums.resize(found * width);
  for (std::size_t n = 0; n < rank.size(); ++n) {
    if (rank[n] < 0) continue;
    const double* from = sums_[f].level(static_cast<std::int64_t>(n));
    std::copy(from, from + width, sums.data() + rank[n] * width);
    std::int64_t number = static_cast<std::int64_t>(n);
    for (std::size_t k = plan.keys.size(); k-- > 1;) {
      const std::int64_t joined = joined_[f][k - 1].key(number);
      keys[k][rank[n]] = plan_.keys[plan.keys[k]].key(low(joined));
      number = high(joined);
    }
    keys[0][rank[n]] = plan_.keys[plan.keys[0]].key(number);
  }
  return found;
}

void Stream::pair(int number, std::vector<std::int32_t>& f, std::vector<std::int32_t>& g, std::vector<double>& sums) {
  const PairPlan& plan = plan_.pairs[number];
  const std::vector<std::int32_t> rank_f = ranks(plan.f), rank_g = ranks(plan.g);
  const std::size_t width = plan.zf.size() * plan.zg.size();
  const auto size = static_cast<std::size_t>(pairs_[number].size());
  f.reserve(size), g.reserve(size), sums.reserve(size * width);
  pairs_[number].drain([&](std::int64_t key, const double* from) {
    f.push_back(rank_f[high(key)]);
    g.push_back(rank_g[low(key)]);
    sums.insert(sums.end(), from, from + width);
  });
}

std::vector<double> Stream::direct() const {
  std::vector<double> out = total_;
  for (std::size_t d = 0; d < out.size(); ++d) out[d] += carry_[d];
  return out;
}

}  // namespace ml
