// Groups with residual sds of their own: the sds integrated out by quadrature, the group effects exactly.
#pragma once

#include <cstddef>
#include <vector>

#include "random.hpp"

namespace ml {

// Law of a group's residual sd s: s^2 inverse gamma (shape, scale), or log s normal (mean, sd).
enum class ResidualLaw { inverse_gamma = 0, log_normal = 1 };

// What all groups share: a factor of the effects' covariance matrix (K x K, any square one), the coefficients (p)
// and the two numbers of the law.
struct VaryingPoint {
  const double* Lambda;
  const double* gamma;
  double first, second;
};

// Log density of x = log s (measured from `centre`) but for a constant, v = s^2 = exp(2 (centre + x)):
// -power log s - inverse / (2 v) - sum_k (log(v + d_k^2) + u_k^2 / (v + d_k^2)) / 2 - precision x^2 / 2.
struct SdDensity {
  double rows = 0.0, power = 0.0, inverse = 0.0, precision = 0.0, centre = 0.0;
  std::vector<double> d2, u;

  double value(double x) const;
  // First derivative; the second goes to `curvature`, and the part that pulls upwards to `pull`.
  double slope(double x, double& curvature, double& pull) const;
  // All maxima lie between; false if the numbers are not usable.
  bool bounds(double& low, double& high) const;
};

// A lattice of x that integrates the density to ten digits: values relative to exp(top).
struct SdNodes {
  double top = 0.0, step = 0.0, sum = 0.0;
  std::vector<double> x, v, weight;
};

// Buffers of one thread.
struct VaryingWorkspace {
  SdDensity density;
  SdNodes nodes;
  std::vector<double> N, U, r, modes, scale, mean_q, mean_qq, B, T, z;
};

// Each group is the upper triangular factor R_j of its weighted rows [Z X y], K + p + 1 wide, and its number of rows.
class VaryingGroups {
 public:
  VaryingGroups(int K, int p, ResidualLaw law, std::vector<double> R, std::vector<double> rows);

  int K() const { return K_; }
  int p() const { return p_; }
  int m() const { return m_; }

  // Log of the integral over all sds and effects, without constants of the law and powers of 2 pi.
  double value(const VaryingPoint& point, VaryingWorkspace& work) const;
  // The same, and its gradient (assigned, not added): by D = Lambda Lambda' K x K (symmetric G with d value = tr(G dD)),
  // by the coefficients p, and by the law's 2 numbers.
  double gradient(const VaryingPoint& point, VaryingWorkspace& work, double* by_D, double* by_gamma,
                  double* by_law) const;
  // A draw of log s (m) and of the effects (m x K) given the point; false where the density is not defined.
  bool draw(const VaryingPoint& point, Random& random, VaryingWorkspace& work, double* log_sds, double* effects) const;

 private:
  bool usable(const VaryingPoint& point) const;
  void reduce(int j, const VaryingPoint& point, VaryingWorkspace& work) const;
  void add_gradient(int j, VaryingWorkspace& work, double* by_D, double* by_gamma, double* by_law) const;
  void draw_effects(const VaryingPoint& point, double s, Random& random, VaryingWorkspace& work, double* out) const;

  int K_, p_, m_;
  ResidualLaw law_;
  std::vector<double> R_, rows_;
};

// Fills `nodes` for a density, the lattice moved by `shift` steps; false if the density has no usable maximum.
bool fill_nodes(const SdDensity& density, double shift, std::vector<double>& modes, std::vector<double>& scale,
                SdNodes& nodes);

}  // namespace ml
