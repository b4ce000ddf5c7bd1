// The lattice on which the density of one group's log residual sd is summed.
#include <algorithm>
#include <cmath>
#include <limits>

#include "varying.hpp"

namespace ml {

namespace {

// Terms below exp(-DROP) of the largest are left out.
constexpr double DROP = 23.0;
const double CUT = std::exp(-DROP);
// Sums over a lattice of step h miss exp(-2 pi^2 s^2 / h^2) of a normal density with sd s, and exp(-pi^2 / (2 h)) of
// the widest density that occurs, that of one row's log sd: 2e-10 for both (Trefethen and Weideman 2014).
constexpr double NORMAL_STEP = 0.94, WIDEST_STEP = 0.22;
// Slopes change over distances of about 1 in log s, so that a search this fine meets every maximum.
constexpr double SCAN = 0.25;
constexpr int MOST_SCANS = 400;
// exp(2 log s) stays far from overflow.
constexpr double FARTHEST = 300.0;

}  // namespace

double SdDensity::value(double x) const {
  const double l = centre + x, v = std::exp(2.0 * l);
  double h = -power * l - 0.5 * inverse / v - 0.5 * precision * x * x;
  for (std::size_t k = 0; k < d2.size(); ++k) h -= 0.5 * (std::log(v + d2[k]) + u[k] * u[k] / (v + d2[k]));
  return h;
}

double SdDensity::slope(double x, double& curvature, double& pull) const {
  const double v = std::exp(2.0 * (centre + x));
  pull = inverse / v;
  curvature = -2.0 * pull - precision;
  double push = power + precision * x;
  for (std::size_t k = 0; k < d2.size(); ++k) {
    const double q = 1.0 / (v + d2[k]), share = v * q, rest = d2[k] * q, g2 = u[k] * u[k] * q * share;
    push += share;
    pull += g2;
    curvature += 2.0 * (g2 * (rest - share) - share * rest);
  }
  return pull - push;
}

// Below `low` the pull of the squares exceeds all the rest, above `high` it is less; the normal law moves the ends
// towards its mean, and cannot be overcome by the likelihood's slope, -rows, beyond rows / precision.
bool SdDensity::bounds(double& low, double& high) const {
  const double K = static_cast<double>(d2.size()), total = power + K;
  double squares = inverse, spread = 0.0;
  for (std::size_t k = 0; k < d2.size(); ++k) {
    squares += u[k] * u[k];
    spread += d2[k];
  }
  double above = (squares + spread) / total;
  if (power > 0.0) above = std::min(above, squares / power);
  const double no = -std::numeric_limits<double>::infinity();
  low = inverse > 0.0 && total > 0.0 ? 0.5 * std::log(inverse / total) - centre : no;
  high = above > 0.0 ? 0.5 * std::log(above) - centre : no;
  if (precision > 0.0) {
    low = std::max(std::min(low, 0.0), -rows / precision);
    high = std::max(high, 0.0);
  }
  high = std::max(high, low);
  return std::abs(centre + low) < FARTHEST && std::abs(centre + high) < FARTHEST;
}

namespace {

// A maximum between a (slope upwards) and b (downwards), to within `close`: Newton steps kept inside the bracket.
double maximum_between(const SdDensity& density, double a, double b, double close) {
  double x = 0.5 * (a + b), curvature = 0.0, pull = 0.0;
  for (int i = 0; i < 60; ++i) {
    const double slope = density.slope(x, curvature, pull);
    (slope > 0.0 ? a : b) = x;
    double next = curvature < 0.0 ? x - slope / curvature : a;
    if (!(next > a && next < b)) next = 0.5 * (a + b);
    const double moved = std::abs(next - x);
    x = next;
    if (moved < close) break;
  }
  return x;
}

// All maxima, ascending.
void find_maxima(const SdDensity& density, double low, double high, double close, std::vector<double>& modes) {
  modes.clear();
  const int scans = std::clamp(static_cast<int>(std::ceil((high - low) / SCAN)), 1, MOST_SCANS);
  double from = low, curvature = 0.0, pull = 0.0;
  bool rising = true;
  for (int i = 1; i <= scans; ++i) {
    const double to = i == scans ? high : low + (high - low) * i / scans;
    const bool rises = i < scans && density.slope(to, curvature, pull) > 0.0;
    if (rising && !rises) modes.push_back(maximum_between(density, from, to, close));
    rising = rises;
    from = to;
  }
}

// Adds the lattice points origin + q step for q = first, first + by, ... before `end`, until they are negligible.
// Returns the last q that was added (first - by if none).
long add_nodes(const SdDensity& density, double origin, long first, long by, long end, const std::vector<double>& scale,
               double exponent0, SdNodes& nodes) {
  const double ratio = std::exp(2.0 * nodes.step * static_cast<double>(by));
  const std::size_t K = density.d2.size();
  double v = std::exp(2.0 * (density.centre + origin + static_cast<double>(first) * nodes.step));
  long q = first;
  for (; q != end; q += by, v *= ratio) {
    const double x = origin + static_cast<double>(q) * nodes.step;
    if (!(std::abs(density.centre + x) < FARTHEST)) break;
    double exponent = -density.power * (density.centre + x) - 0.5 * density.inverse / v - 0.5 * density.precision * x * x;
    double product = 1.0;
    for (std::size_t k = 0; k < K; ++k) {
      const double t = v + density.d2[k];
      exponent -= 0.5 * density.u[k] * density.u[k] / t;
      product *= t * scale[k];
    }
    const double weight = std::exp(exponent - exponent0) / std::sqrt(product);
    if (!(weight > CUT)) break;
    nodes.x.push_back(x);
    nodes.v.push_back(v);
    nodes.weight.push_back(weight);
    nodes.sum += weight;
  }
  return q - by;
}

}  // namespace

bool fill_nodes(const SdDensity& density, double shift, std::vector<double>& modes, std::vector<double>& scale,
                SdNodes& nodes) {
  double low = 0.0, high = 0.0;
  if (!density.bounds(low, high)) return false;
  const std::size_t K = density.d2.size();
  const double total = density.power + static_cast<double>(K), half = 0.5 * static_cast<double>(K);
  const double narrowest = 1.0 / std::sqrt(2.0 * total + half + density.precision);
  find_maxima(density, low, high, 0.05 * narrowest, modes);
  double best = modes[0];
  nodes.top = density.value(best);
  for (std::size_t i = 1; i < modes.size(); ++i) {
    const double value = density.value(modes[i]);
    if (value > nodes.top) best = modes[i], nodes.top = value;
  }
  double curvature = 0.0, pull = 0.0;
  density.slope(best, curvature, pull);
  const double most = 2.0 * std::max(pull, total) + half + density.precision;
  nodes.step = 1.0 / std::sqrt(most / (NORMAL_STEP * NORMAL_STEP) + 1.0 / (WIDEST_STEP * WIDEST_STEP));
  const double v = std::exp(2.0 * (density.centre + best));
  double exponent0 = nodes.top;
  scale.resize(K);
  for (std::size_t k = 0; k < K; ++k) {
    scale[k] = 1.0 / (v + density.d2[k]);
    exponent0 -= 0.5 * std::log(scale[k]);
  }
  nodes.x.clear();
  nodes.v.clear();
  nodes.weight.clear();
  nodes.sum = 0.0;
  const double origin = best + shift * nodes.step;
  constexpr long NO_END = std::numeric_limits<long>::max();
  long up = add_nodes(density, origin, 0, 1, NO_END, scale, exponent0, nodes);
  long down = add_nodes(density, origin, -1, -1, NO_END, scale, exponent0, nodes);
  for (double mode : modes) {  // maxima behind a valley that is deeper than DROP
    const long q = std::lround((mode - origin) / nodes.step);
    if (q > up) {
      add_nodes(density, origin, q - 1, -1, up, scale, exponent0, nodes);
      up = std::max(q, add_nodes(density, origin, q, 1, NO_END, scale, exponent0, nodes));
    } else if (q < down) {
      add_nodes(density, origin, q + 1, 1, down, scale, exponent0, nodes);
      down = std::min(q, add_nodes(density, origin, q, -1, NO_END, scale, exponent0, nodes));
    }
  }
  return std::isfinite(nodes.top) && nodes.sum > 0.0 && std::isfinite(nodes.sum);
}

}  // namespace ml
