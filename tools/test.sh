#!/bin/sh
# All tests: the release build with the install test, then the same under AddressSanitizer and UndefinedBehaviorSanitizer.
# The last line counts the cases; the exit status is 0 if none failed.
set -eu

"$(dirname -- "$0")/install_packages.sh" test
# shellcheck source=tools/stages.sh
. "$(dirname -- "$0")/stages.sh"
short_stages
finish
