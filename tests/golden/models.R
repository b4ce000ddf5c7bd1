# What is fitted: the sets, their factors, and the models.

# Columns that are factors (text in the library), by set.
TEXT <- list(
  cake = c("replicate", "recipe", "temperature"), cafes = "cafe", cbpp = c("herd", "period"),
  contraception = c("woman", "district", "use", "livch", "urban"), dyestuff = "batch", dyestuff2 = "batch",
  eight_schools = "school", grouseticks = c("index", "brood", "year", "location"),
  insteval = c("s", "d", "studage", "lectage", "service", "dept"), machines = c("worker", "machine"),
  mathachieve = c("school", "minority", "sex"), orthodont = c("subject", "sex"), ovary = "mare",
  pastes = c("batch", "cask", "sample"), penicillin = c("plate", "sample"), sleepstudy = "subject",
  verbagg = c("gender", "item", "resp", "id", "btype", "situ", "mode", "r2"), crossed_vectors = c("rater", "task"),
  nested_three = c("district", "school", "class"), crossed_nested = c("region", "store", "product")
)

# Simulated sets: fixed seeds, rounded, written beside the numbers.
SIMULATED <- list(
  crossed_vectors = function() {
    set.seed(20240501)
    rows <- expand.grid(rater = sprintf("r%02d", 1:18), task = sprintf("t%02d", 1:15))
    rows <- rows[sort(sample(nrow(rows), 240)), ]
    rows$x <- round(rnorm(240), 3)
    rows$z <- round(runif(240, -1, 2), 3)
    a <- matrix(rnorm(36), 18) %*% chol(matrix(c(1, 0.3, 0.3, 0.36), 2))
    b <- matrix(rnorm(30), 15) %*% chol(matrix(c(0.64, -0.2, -0.2, 0.25), 2))
    i <- as.integer(rows$rater); j <- as.integer(rows$task)
    varying <- a[i, 1] + a[i, 2] * rows$x + b[j, 1] + b[j, 2] * rows$z
    rows$y <- round(2 + 0.7 * rows$x - 0.4 * rows$z + varying + rnorm(240, 0, 0.8), 4)
    rows
  },
  nested_three = function() {
    set.seed(20240502)
    rows <- expand.grid(pupil = 1:5, class = letters[1:3], school = as.character(1:4), district = LETTERS[1:6])
    rows <- rows[sort(sample(nrow(rows), 300)), c("district", "school", "class")]
    u <- rnorm(6, 0, 0.9)[as.integer(rows$district)]
    v <- rnorm(24, 0, 0.7)[as.integer(interaction(rows$district, rows$school))]
    w <- rnorm(72, 0, 0.5)[as.integer(interaction(rows$district, rows$school, rows$class))]
    rows$hours <- round(runif(300, 0, 10), 2)
    rows$score <- round(50 + 0.3 * rows$hours + u + v + w + rnorm(300), 3)
    rows
  },
  crossed_nested = function() {
    set.seed(20240503)
    rows <- data.frame(region = sample(LETTERS[1:7], 350, TRUE), store = sample(as.character(1:4), 350, TRUE),
                       product = sprintf("p%02d", sample(25, 350, TRUE)))
    rows$price <- round(rnorm(350, 5, 1.5), 2)
    store <- interaction(rows$region, rows$store)
    p <- as.integer(factor(rows$product))
    rows$sales <- round(20 - rows$price + rnorm(7, 0, 1)[as.integer(factor(rows$region))] +
                        rnorm(28, 0, 1.2)[as.integer(store)] + rnorm(25, 0, 1.5)[p] + rnorm(25, 0, 0.5)[p] * rows$price + rnorm(350), 3)
    rows
  }
)

# One model. `formula` is the library's spelling, `r` R's where it differs; `full` names the factor that has no reference
# level on the left of a bar; `names` translates coefficients that the general rule cannot.
entry <- function(set, label, formula, methods = c("reml", "ml"), r = formula, full = "", ...) {
  list(set = set, label = label, formula = formula, methods = methods, r = r, full = full, ...)
}

SUBJECT_LINE <- list(fixed = "reaction ~ days", random = ~ days | subject)
TURN <- 6.283185307179586

MODELS <- list(
  entry("dyestuff", "one_way", "yield ~ 1 + (1 | batch)", nlme = list(fixed = "yield ~ 1", random = ~ 1 | batch)),
  entry("dyestuff2", "singular", "yield ~ 1 + (1 | batch)"),
  entry("penicillin", "crossed", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
  entry("pastes", "nested", "strength ~ 1 + (1 | batch/cask)", r = "strength ~ 1 + (1 | batch) + (1 | batch:cask)",
        nlme = list(fixed = "strength ~ 1", random = ~ 1 | batch/cask)),
  entry("sleepstudy", "slopes", "reaction ~ days + (days | subject)", nlme = SUBJECT_LINE),
  entry("sleepstudy", "uncorrelated", "reaction ~ days + (days || subject)"),
  entry("sleepstudy", "intercepts", "reaction ~ days + (1 | subject)"),
  entry("sleepstudy", "slopes_only", "reaction ~ days + (0 + days | subject)", "reml"),
  entry("sleepstudy", "quadratic", "reaction ~ poly(days, 2) + (days | subject)"),
  entry("sleepstudy", "log_response", "log(reaction) ~ days + (days | subject)", "reml"),
  entry("sleepstudy", "offset", "reaction ~ 1 + offset(10 * days) + (days | subject)", "reml"),
  entry("sleepstudy", "precision_weights", "reaction ~ days + (days | subject)", precision_weights = "w",
        columns = list(w = 0.5 + (0:179 %% 4) / 2)),
  entry("sleepstudy", "frequency_weights", "reaction ~ days + (days | subject)", "reml", frequency_weights = "w",
        columns = list(w = 1 + (0:179 %% 3))),
  entry("sleepstudy", "missing", "reaction ~ days + (days | subject)",
        missing = list(reaction = c(3, 7, 20:28, 66, 120, 121, 179), days = c(0, 94))),
  entry("sleepstudy", "shared_sd", "reaction ~ days + homdiag(days | subject)",
        dense = shared_sd("reaction ~ days", "~ days", "subject")),
  entry("sleepstudy", "one_correlation", "reaction ~ days + cs(days | subject)",
        dense = one_correlation("reaction ~ days", "~ days", "subject")),
  entry("sleepstudy", "known_residual", "reaction ~ days + (1 | subject)", residual_sd = 30,
        dense = shared_sd("reaction ~ days", "~ 1", "subject", 30)),
  entry("cake", "factorial", "angle ~ recipe * temperature + (1 | recipe:replicate)"),
  entry("cake", "additive", "angle ~ recipe + temp + (1 | recipe:replicate)", "ml"),
  entry("machines", "interaction", "score ~ machine + (1 | worker) + (1 | worker:machine)",
        nlme = list(fixed = "score ~ machine", random = ~ 1 | worker/machine)),
  entry("machines", "by_machine", "score ~ machine + (0 + machine | worker)", full = "machine"),
  entry("machines", "one_correlation", "score ~ machine + cs(0 + machine | worker)",
        dense = one_correlation("score ~ machine", "~ 0 + machine", "worker", "machine"),
        nlme = list(fixed = "score ~ machine", random = list(worker = nlme::pdCompSymm(~ machine - 1)))),
  entry("machines", "vector", "score ~ machine + (machine | worker)", "reml"),
  entry("orthodont", "growth", "distance ~ age * sex + (age | subject)",
        nlme = list(fixed = "distance ~ age * sex", random = ~ age | subject)),
  entry("orthodont", "intercepts", "distance ~ age + sex + (1 | subject)", "ml"),
  entry("mathachieve", "contextual", "mathach ~ ses * meanses + sex + (ses | school)"),
  entry("mathachieve", "minority", "mathach ~ minority * ses + (1 | school)", "reml"),
  entry("ovary", "cycle", sprintf("follicles ~ sin(%.15f * time) + cos(%.15f * time) + (1 | mare)", TURN, TURN),
        r = "follicles ~ sin(2 * pi * time) + cos(2 * pi * time) + (1 | mare)",
        names = list(`sin(2 * pi * time)` = sprintf("sin(%.15f * time)", TURN),
                     `cos(2 * pi * time)` = sprintf("cos(%.15f * time)", TURN)),
        nlme = list(fixed = "follicles ~ sin(2 * pi * time) + cos(2 * pi * time)", random = ~ 1 | mare)),
  entry("insteval", "three_factors", "y ~ service + (1 | s) + (1 | d) + (1 | dept)"),
  entry("insteval", "departments", "y ~ service * dept + (1 | s) + (1 | d)", "ml"),
  entry("verbagg", "linear", "aggressive ~ anger + gender + btype + situ + (1 | id) + (1 | item)",
        recode = list(aggressive = c("r2", "Y"))),
  entry("grouseticks", "log_counts", "log(ticks + 1) ~ year + cheight + (1 | brood) + (1 | location)"),
  entry("grouseticks", "scaled", "log(ticks + 1) ~ year + scale(height) + (1 | location)", "ml"),
  entry("cbpp", "proportion", "I(incidence / size) ~ period + (1 | herd)"),
  entry("cbpp", "weighted", "I(incidence / size) ~ period + (1 | herd)", "reml", precision_weights = "size"),
  entry("contraception", "districts", "used ~ age + urban + livch + (urban | district)",
        recode = list(used = c("use", "Y"))),
  entry("contraception", "square", "used ~ age + I(age ** 2) + urban + (1 | district)", "ml",
        r = "used ~ age + I(age^2) + urban + (1 | district)",
        recode = list(used = c("use", "Y")), names = list(`I(age^2)` = "I(age ** 2)")),
  entry("cafes", "robot", "wait ~ afternoon + (afternoon | cafe)"),
  entry("cafes", "one_correlation", "wait ~ afternoon + cs(afternoon | cafe)",
        dense = one_correlation("wait ~ afternoon", "~ afternoon", "cafe")),
  entry("eight_schools", "known_sds", "effect ~ 1 + (1 | school)", residual_sd = "sd",
        dense = shared_sd("effect ~ 1", "~ 1", "school", "sd")),
  entry("crossed_vectors", "two_vectors", "y ~ x + z + (x | rater) + (z | task)"),
  entry("nested_three", "three_deep", "score ~ hours + (1 | district/school/class)",
        r = "score ~ hours + (1 | district) + (1 | district:school) + (1 | district:school:class)",
        nlme = list(fixed = "score ~ hours", random = ~ 1 | district/school/class)),
  entry("nested_three", "weak_slopes", "score ~ hours + (hours | district) + (1 | district:school)"),
  entry("crossed_nested", "stores_products", "sales ~ price + (1 | region/store) + (price | product)",
        r = "sales ~ price + (1 | region) + (1 | region:store) + (price | product)"),
  entry("crossed_nested", "uncorrelated", "sales ~ price + (1 | region/store) + (price || product)", "reml",
        r = "sales ~ price + (1 | region) + (1 | region:store) + (price || product)")
)
