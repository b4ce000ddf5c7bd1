// Minimum-degree order of the nodes that would otherwise make up one dense core.
#pragma once

#include <cstdint>
#include <vector>

namespace ml {

// n variables; elements: lists of variables that are pairwise adjacent (the lists of nodes eliminated before).
// Returns the variables worth eliminating one by one, in order; those left out stay dense. Empty if the graph is
// too dense for that to pay.
std::vector<std::int32_t> minimum_degree(int n, std::vector<std::vector<std::int32_t>> elements);

}  // namespace ml
