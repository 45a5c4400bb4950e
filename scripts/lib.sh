# Shared by the scripts in this folder; sourced, not run.
# shellcheck shell=bash

set -euo pipefail

# The repository, whatever the working directory of the caller is.
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$REPO"

# The project's Node.js and its Python tools come before the machine's.
export PATH="$REPO/node_modules/.bin:$REPO/build/venv/bin:$PATH"

# Nothing here calls AWS, so the SDKs need not query the instance metadata service for
# credentials.
export AWS_EC2_METADATA_DISABLED=true

# Otherwise, each synth ends with a process that reports it.
# https://docs.aws.amazon.com/cdk/v2/guide/cli-telemetry.html
export CDK_DISABLE_CLI_TELEMETRY=true

# The directories of the repository's two modules: the stack with the local run, and the
# handlers.
MODULES=(. handlers)

# in_modules COMMAND…: runs a command in each module.
in_modules() {
  local module
  for module in "${MODULES[@]}"; do (cd "$module" && "$@"); done
}

# Nothing here needs C, except the race detector. With one setting for the local run and
# the handlers, the packages that they share are compiled once.
export CGO_ENABLED=0

if [ -t 1 ]; then BOLD=$'\e[1m' PLAIN=$'\e[0m'; else BOLD='' PLAIN=''; fi

# step NAME COMMAND…: prints the name, runs the command and records how long it took, and
# how long processors worked for it: less than the machine's would have means that it waits.
step() {
  local name=$1 start=$SECONDS cpu
  shift
  printf '%s== %s%s\n' "$BOLD" "$name" "$PLAIN"
  cpu_seconds
  cpu=$CPU
  "$@"
  cpu_seconds
  STEPS+=("$(printf '%5ds  %4ds of CPU  %s' $((SECONDS - start)) $((CPU - cpu)) "$name")")
}
STEPS=()

# cpu_seconds sets CPU to the whole seconds that processors worked for ended children of
# this shell. A subshell would count its own.
cpu_seconds() {
  local file
  file=$(mktemp)
  times >"$file" # two lines, of the shell and of its children: 0m1.120s 0m0.553s
  CPU=$(awk -F '[ms ]+' 'NR == 2 { printf "%d", ($1 + $3) * 60 + $2 + $4 }' "$file")
  rm "$file"
}

# steps prints how long each step took.
steps() {
  printf '%s\n' "${STEPS[@]}"
}

# synth_for_tests DIRECTORY: synthesizes the stack that the tests and the campaigns run. It
# does not depend on the caller's environment or on the tiers in cdk.json, since they send
# amounts of the default tiers. Every provider is configured, and /webhook is open, so that
# they can send unsigned requests.
synth_for_tests() {
  local providers
  providers=$(scripts/send --context)
  env -u REPOSITORY -u COMMIT_AUTHOR -u PR_NUMBER -u TEAM -u AWS_REGION \
    ENVIRONMENT_SUFFIX=test ALERT_EMAIL=alerts@example.com ALERT_PHONE=+12025550123 \
    npx cdk synth --quiet --no-notices --output "$1" -c providers="$providers" \
    -c allowOpenWebhook=true -c amountThresholds='{}' -c operatorPolicy=true
}

# missing WHAT WHY HOW: exits with what is missing, why it is needed and how to get it.
missing() {
  printf '%s is missing: %s\n  get it: %s\n' "$1" "$2" "$3" >&2
  exit 1
}

# at_least HAVE WANT: whether dotted version HAVE is WANT or newer.
at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}
