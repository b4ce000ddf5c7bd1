// Approximate minimum degree on the quotient graph (Amestoy, Davis and Duff 1996), stopped where the rest is dense.
#include "ordering.hpp"

#include <algorithm>
#include <queue>
#include <utility>

namespace ml {

namespace {

using Index = std::int32_t;

constexpr double worth_it = 0.2;    // mean degree over n above which one dense core is cheaper
constexpr double dense_tail = 0.6;  // least degree over remaining nodes at which the rest counts as dense

class QuotientGraph {
 public:
  QuotientGraph(int n, std::vector<std::vector<Index>> lists) : n_(n), elements_(std::move(lists)) {
    of_.resize(n);
    for (std::size_t e = 0; e < elements_.size(); ++e)
      for (Index i : elements_[e]) of_[i].push_back(static_cast<Index>(e));
    alive_.assign(n, 1);
    degree_.assign(n, 0);
    mark_.assign(n, -1);
    for (int i = 0; i < n; ++i) degree_[i] = static_cast<Index>(reach(i).size());
  }

  double density() const {
    double sum = 0.0;
    for (Index d : degree_) sum += d;
    return n_ > 1 ? sum / n_ / (n_ - 1) : 1.0;
  }

  std::vector<Index> order() {
    using Entry = std::pair<Index, Index>;  // degree, variable
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    for (int i = 0; i < n_; ++i) queue.push({degree_[i], i});
    std::vector<Index> out;
    int remaining = n_;
    outside_.assign(elements_.size() + n_, -1);
    while (!queue.empty()) {
      const auto [d, p] = queue.top();
      queue.pop();
      if (!alive_[p] || d != degree_[p]) continue;
      if (d >= dense_tail * (remaining - 1) && remaining > 1) break;
      for (Index i : eliminate(p, --remaining)) queue.push({degree_[i], i});
      out.push_back(p);
    }
    return out;
  }

 private:
  // Living neighbours of i.
  std::vector<Index> reach(Index i) {
    std::vector<Index> found;
    mark_[i] = i;
    for (Index e : of_[i])
      for (Index j : elements_[e])
        if (alive_[j] && mark_[j] != i) {
          mark_[j] = i;
          found.push_back(j);
        }
    mark_[i] = -1;
    for (Index j : found) mark_[j] = -1;
    return found;
  }

  // Turns p into an element; returns its variables, their degrees renewed.
  std::vector<Index> eliminate(Index p, int remaining) {
    std::vector<Index> list = reach(p);
    alive_[p] = 0;
    for (Index e : of_[p]) elements_[e].clear();  // absorbed
    of_[p].clear();
    const Index fresh = static_cast<Index>(elements_.size());
    elements_.push_back(list);
    outside_.resize(elements_.size(), -1);
    for (Index i : list) {  // outside_[e] = |L_e minus list|
      auto& mine = of_[i];
      mine.erase(std::remove_if(mine.begin(), mine.end(), [&](Index e) { return elements_[e].empty(); }), mine.end());
      for (Index e : mine) {
        if (outside_[e] < 0) outside_[e] = living(e);
        --outside_[e];
      }
    }
    for (Index i : list) {
      std::int64_t d = static_cast<std::int64_t>(list.size()) - 1;
      for (Index e : of_[i]) d += outside_[e];
      degree_[i] = static_cast<Index>(std::min<std::int64_t>(d, remaining - 1));
    }
    for (Index i : list) {  // elements inside the new one disappear
      auto& mine = of_[i];
      mine.erase(std::remove_if(mine.begin(), mine.end(), [&](Index e) { return outside_[e] == 0; }), mine.end());
      touched_.insert(touched_.end(), mine.begin(), mine.end());
      mine.push_back(fresh);
    }
    for (Index e : touched_) outside_[e] = -1;
    touched_.clear();
    outside_[fresh] = -1;
    return list;
  }

  Index living(Index e) {
    auto& list = elements_[e];
    list.erase(std::remove_if(list.begin(), list.end(), [&](Index j) { return !alive_[j]; }), list.end());
    return static_cast<Index>(list.size());
  }

  int n_;
  std::vector<std::vector<Index>> elements_, of_;
  std::vector<char> alive_;
  std::vector<Index> degree_, mark_, outside_, touched_;
};

}  // namespace

std::vector<std::int32_t> minimum_degree(int n, std::vector<std::vector<std::int32_t>> elements) {
  QuotientGraph graph(n, std::move(elements));
  if (graph.density() > worth_it) return {};
  return graph.order();
}

}  // namespace ml
