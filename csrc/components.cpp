// Connected parts by joining trees of levels, halving paths on the way.
#include "components.hpp"

#include <algorithm>
#include <numeric>

namespace ml {

namespace {

std::int32_t root_of(std::vector<std::int32_t>& parent, std::int32_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

}  // namespace

Components::Components(const std::vector<FactorRows>& factors) {
  std::vector<std::int32_t> first(1, 0);
  for (const FactorRows& f : factors) first.push_back(first.back() + f.m);
  std::vector<std::int32_t> parent(first.back());
  std::iota(parent.begin(), parent.end(), 0);
  const std::size_t n = factors.empty() ? 0 : factors[0].level.size();
  for (std::size_t f = 1; f < factors.size(); ++f)
    for (std::size_t i = 0; i < n; ++i) {
      const std::int32_t a = root_of(parent, factors[0].level[i]), b = root_of(parent, first[f] + factors[f].level[i]);
      parent[std::max(a, b)] = std::min(a, b);
    }
  std::vector<std::int32_t> number(parent.size(), -1);
  for (std::size_t f = 0; f < factors.size(); ++f) {
    of_level.emplace_back();
    for (int l = 0; l < factors[f].m; ++l) {
      std::int32_t& at = number[root_of(parent, first[f] + l)];
      if (at < 0) at = count++;
      of_level[f].push_back(at);
    }
  }
  for (std::size_t i = 0; i < n; ++i) of_row.push_back(of_level[0][factors[0].level[i]]);
}

}  // namespace ml
