# Golden predictions and residuals of generalised models: fits by glmmTMB (deviance residuals by lme4), as JSON.
#
# Usage, from the root of the repository:  Rscript tests/golden/predictions/make.R
#
# Needs lme4, glmmTMB and jsonlite. Of every column the first rows are kept. `typical` are predictions with all group
# effects zero (re.form = NA), `known` those given the estimated effects.
suppressPackageStartupMessages({library(lme4); library(glmmTMB); library(jsonlite)})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
bundled <- file.path(here, "..", "..", "..", "src", "multilevel", "data", "bundled")
KEPT <- 12

text <- function(rows, names) { for (name in names) rows[[name]] <- factor(as.character(rows[[name]])); rows }
herds <- text(read.csv(file.path(bundled, "cbpp.csv")), c("herd", "period"))
ticks <- text(read.csv(file.path(bundled, "grouseticks.csv")), c("year", "brood", "location", "index"))
women <- text(read.csv(file.path(bundled, "contraception.csv.gz")), c("district", "livch", "urban", "woman"))
sleep <- text(read.csv(file.path(bundled, "sleepstudy.csv")), "subject")

predicted <- function(fit, type, ...) {
  found <- predict(fit, type = type, se.fit = TRUE, ...)
  list(prediction = unname(head(found$fit, KEPT)), std_error = unname(head(found$se.fit, KEPT)))
}
all_of <- function(fit, link = TRUE) {
  found <- list(loglik = as.numeric(logLik(fit)), known = predicted(fit, "response"),
                typical = predicted(fit, "response", re.form = NA),
                pearson = unname(head(residuals(fit, type = "pearson"), KEPT)))
  if (link) {
    found$known_link <- predicted(fit, "link")
    found$typical_link <- predicted(fit, "link", re.form = NA)
  }
  found
}
tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), tolPwrss = 1e-11)
deviance_of <- function(...) {
  fit <- suppressWarnings(glmer(..., control = tight))
  unname(head(residuals(fit, type = "deviance"), KEPT))
}

sets <- list()
fit <- glmmTMB(cbind(incidence, size - incidence) ~ period + (1 | herd), herds, binomial)
sets$cbpp <- all_of(fit)
sets$cbpp$deviance <- deviance_of(cbind(incidence, size - incidence) ~ period + (1 | herd), herds, binomial)
fit <- glmmTMB(use ~ age + urban + (1 + urban | district), transform(women, use = as.integer(use == "Y")), binomial)
sets$contraception <- all_of(fit)
sets$contraception$deviance <-
  deviance_of(use ~ age + urban + (1 + urban | district), transform(women, use = as.integer(use == "Y")), binomial)
fit <- glmmTMB(ticks ~ year + cheight + (1 | brood) + (1 | location), ticks, nbinom2)
sets$grouseticks_nb2 <- all_of(fit)
fit <- glmmTMB(ticks ~ year + cheight + (1 | brood), ticks, poisson, ziformula = ~ cheight)
sets$grouseticks_zip <- all_of(fit, link = FALSE)
fit <- glmmTMB(reaction ~ days + (1 | subject), sleep, Gamma("log"))
sets$sleepstudy_gamma <- all_of(fit)
sets$versions <- list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                      glmmTMB = as.character(packageVersion("glmmTMB")))
writeLines(toJSON(sets, auto_unbox = TRUE, digits = 10, pretty = TRUE), file.path(here, "predictions.json"))
