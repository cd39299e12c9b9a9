#!/bin/sh
# The example programs as a person meets them. $1: the build folder. Prints TAP.
set -u

build=$1
bin=$build/examples
[ -x "$bin/mnist_mlp" ] || bin=$build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
# No real data must be found: the runs below are on synthetic digits.
unset COTANGENT_DATA
export XDG_CACHE_HOME="$work/cache"
export HOME="$work"

tests=0
failures=0

# check NAME CONDITION...: one line of TAP
check() {
    name=$1
    shift
    tests=$((tests + 1))
    if "$@"; then
        echo "ok $tests - $name"
    else
        echo "not ok $tests - $name"
        sed 's/^/# /' "$work/out" "$work/err"
        failures=$((failures + 1))
    fi
}

run() {
    "$@" > "$work/out" 2> "$work/err"
    status=$?
}

refuses() {
    [ "$status" -eq 2 ] && [ "$(cat "$work/err")" = "$1" ] && [ ! -s "$work/out" ]
}

succeeds() {
    [ "$status" -eq 0 ] && [ ! -s "$work/err" ]
}

says() {
    grep -q -e "$1" "$work/out"
}

# Whether the last line is an accuracy of at least $1.
ends_with_accuracy() {
    tail -n 1 "$work/out" | grep -Eq '^test accuracy: [01]\.[0-9]{4}$' &&
        tail -n 1 "$work/out" | awk -v least="$1" '{ exit !($3 >= least && $3 <= 1) }'
}

run "$bin/mnist_mlp" --epochs 0
check "--epochs 0" refuses "mnist_mlp: --epochs 0: want at least 1"
run "$bin/mnist_mlp" --epochs three
check "--epochs three" refuses "mnist_mlp: --epochs three: want a whole number"
run "$bin/mnist_mlp" --batch-size=-4
check "--batch-size=-4" refuses "mnist_mlp: --batch-size -4: want at least 1"
run "$bin/mnist_mlp" --lr
check "--lr without a value" refuses "mnist_mlp: --lr: want a value after it"
run "$bin/mnist_mlp" --lr nan
check "--lr nan" refuses "mnist_mlp: --lr nan: want a number"
run "$bin/mnist_mlp" --seed 99999999999999999999
check "a seed past 64 bits" refuses "mnist_mlp: --seed 99999999999999999999: want a whole number"
run "$bin/mnist_mlp" --frobnicate
check "unknown option" refuses "mnist_mlp: unknown option --frobnicate (--help lists them)"
run "$bin/mnist_mlp" extra
check "stray word" refuses "mnist_mlp: extra: want options only (--help lists them)"
run "$bin/mnist_mlp" --limit 3
check "--limit 3" refuses "mnist_mlp: --limit 3: want at least 10, one for validation"
run "$bin/mnist_mlp" --save "$work/nowhere/x.safetensors"
check "unwritable --save is found out before training" \
    refuses "mnist_mlp: --save $work/nowhere/x.safetensors: cannot be written: No such file or directory"
run "$bin/mnist_mlp" --save "$work"
check "--save on a folder" refuses "mnist_mlp: --save $work: is a folder"
run "$bin/mnist_mlp" --evaluate
check "--evaluate without weights" refuses "mnist_mlp: --evaluate: want --load FILE too"
run "$bin/mnist_mlp" --help
check "--help" succeeds
check "--help lists the options" says "--batch-size N"
run "$bin/mnist_mlp" --data "$work/nowhere"
check "--data without the files is an error" [ "$status" -eq 1 ]
check "and no training on something else" [ "$(grep -c accuracy "$work/out")" -eq 0 ]

run "$bin/mnist_mlp" --limit 1000 --epochs 2 --threads 2 --save "$work/net.safetensors"
check "a run on 1000 synthetic digits" succeeds
check "says that they are synthetic" says "SYNTHETIC"
check "prints the summary" says "parameters: 109,386"
check "prints a line an epoch" says '^epoch 2/2: loss [0-9.]*, validation accuracy [0-9.]* ([0-9.]* s)$'
check "ends with the accuracy" ends_with_accuracy 0.3
check "leaves the weights and nothing else" [ "$(ls "$work")" = "$(printf 'err\nnet.safetensors\nout')" ]
last=$(tail -n 1 "$work/out")
run "$bin/mnist_mlp" --limit 1000 --load "$work/net.safetensors" --evaluate
check "saved weights score the same" [ "$(tail -n 1 "$work/out")" = "$last" ]
run "$bin/mnist_mlp" --limit 1000 --epochs 2 --threads 1
check "one thread gives the same bits" [ "$(tail -n 1 "$work/out")" = "$last" ]
run "$bin/mnist_mlp" --load "$work/none.safetensors"
check "--load of no file is an error" [ "$status" -eq 1 ]

run "$bin/pendulum_pinn" --epochs 0
check "pendulum_pinn --epochs 0" refuses "pendulum_pinn: --epochs 0: want at least 1"
run "$bin/pendulum_pinn" --plot "$work/nowhere/x"
check "pendulum_pinn --plot where nothing can be written" refuses "pendulum_pinn: --plot $work/nowhere/x: cannot be written"
run "$bin/pendulum_pinn" --plot "$work/pendulum"
check "pendulum_pinn" succeeds
check "pendulum_pinn finds the motion" awk '/^largest error: / { ok = $3 < 0.002 } END { exit !ok }' "$work/out"
check "and writes it down" [ "$(wc -l < "$work/pendulum")" -eq 301 ]
run "$bin/pendulum_pinn" --epochs 20 --threads 1
last=$(tail -n 1 "$work/out")
run "$bin/pendulum_pinn" --epochs 20 --threads 3
check "pendulum_pinn gives the same bits at any thread count" [ "$(tail -n 1 "$work/out")" = "$last" ]

run "$bin/mnist_cnn" --limit 1000 --epochs 1
check "mnist_cnn on 1000 synthetic digits" succeeds
check "mnist_cnn prints the summary" says "parameters: 206,922"
check "mnist_cnn ends with the accuracy" ends_with_accuracy 0.3

run "$bin/cifar_resnet" --model resnet101
check "an unknown model" refuses "cifar_resnet: --model resnet101: want resnet18, resnet34, resnet50, tinycnn, simplecnn or lenet5"
run "$bin/cifar_resnet" --schedule none
check "an unknown schedule" refuses "cifar_resnet: --schedule none: want onecycle or cosine"
run "$bin/cifar_resnet" --winograd 2
check "--winograd 2" refuses "cifar_resnet: --winograd 2: want 0 or 1"
for model in resnet18 resnet34 resnet50 tinycnn simplecnn lenet5; do
    case $model in *cnn | lenet5) limit=100 ;; *) limit=20 ;; esac
    run "$bin/cifar_resnet" --model $model --limit $limit --epochs 1 --batch-size 10 --test-limit 20
    check "cifar_resnet --model $model" succeeds
    check "and its accuracy" ends_with_accuracy 0
done
run "$bin/cifar_resnet" --model tinycnn --limit 1000 --epochs 4 --batch-size 8 --lr 0.02 --augment 0 --weight-decay 0 --test-limit 200 --threads 1
check "cifar_resnet learns shapes" ends_with_accuracy 0.25
last=$(tail -n 1 "$work/out")
run "$bin/cifar_resnet" --model tinycnn --limit 1000 --epochs 4 --batch-size 8 --lr 0.02 --augment 0 --weight-decay 0 --test-limit 200 --threads 2 --workers 0
check "whatever threads and workers, the same" [ "$(tail -n 1 "$work/out")" = "$last" ]
run "$bin/cifar_resnet" --model simplecnn --limit 50 --epochs 1 --batch-size 10 --test-limit 20 --winograd 0 --schedule cosine --augment 0
check "without Winograd and augmentation, along a cosine" succeeds

run "$bin/autoencoder" --model sparse
check "an unknown autoencoder" refuses "autoencoder: --model sparse: want dense or conv"
run "$bin/autoencoder" --samples "$work/nowhere/x.png"
check "unwritable --samples" refuses "autoencoder: --samples $work/nowhere/x.png: cannot be written: No such file or directory"
for model in dense conv; do
    run "$bin/autoencoder" --model $model --limit 2000 --epochs 1 --pictures "$work/pairs.png" --samples "$work/drawn.png" --save "$work/both.safetensors"
    check "autoencoder --model $model" succeeds
    check "and its last line" awk '/^test error: 0\.[0-9]*, variational 0\.[0-9]*$/ { ok = $3 < 0.15 && $5 < 0.15 } END { exit !ok }' "$work/out"
done
last=$(tail -n 1 "$work/out")
run "$bin/autoencoder" --model conv --load "$work/both.safetensors" --evaluate --pictures "$work/pairs.png" --samples "$work/drawn.png"
check "saved autoencoders err the same" [ "$(tail -n 1 "$work/out")" = "$last" ]
check "pictures are PNG, or there is no libpng" sh -c "grep -q 'no libpng' '$work/out' || head -c 4 '$work/pairs.png' '$work/drawn.png' | grep -c PNG | grep -q 2"

run "$bin/sentiment" --dropout 1
check "sentiment --dropout 1" refuses "sentiment: --dropout 1, --word-dropout -1: want below 1"
run "$bin/sentiment" --data "$work/nowhere"
check "sentiment --data without the files is an error" [ "$status" -eq 1 ]
run "$bin/sentiment" --epochs 3 --lr 2e-3 --map "$work/map.png" --save "$work/reader.safetensors" --threads 1
check "sentiment on opinions" succeeds
check "says that they are synthetic too" says "SYNTHETIC"
check "sentiment shows its verdicts" says '^  against [01][.][0-9]*'
check "sentiment sees the order of words" ends_with_accuracy 0.9
check "sentiment draws a map, or there is no libpng" sh -c "grep -q 'no libpng' '$work/out' || head -c 4 '$work/map.png' | grep -q PNG"
last=$(tail -n 1 "$work/out")
run "$bin/sentiment" --load "$work/reader.safetensors" --evaluate --map "$work/map.png" --threads 2
check "sentences read by saved weights and words score the same" [ "$(tail -n 1 "$work/out")" = "$last" ]
printf 'good\nbad\n' > "$work/rt-polarity.pos"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo "a dull caf\351 $i"; done > "$work/rt-polarity.neg"
run "$bin/sentiment" --data "$work" --epochs 1 --map "$work/map.png"
check "sentiment reads files of Latin-1" succeeds

run "$bin/gpt" --heads 3
check "gpt --heads 3" [ "$status" -eq 1 ]
run "$bin/gpt" --data "$work/nowhere.txt"
check "gpt --data without a text is an error" [ "$status" -eq 1 ]
printf 'short' > "$work/short.txt"
run "$bin/gpt" --data "$work/short.txt"
check "gpt names a text shorter than a block" grep -q 'a block of 64 wants one more than itself' "$work/err"
: > "$work/empty.txt"
run "$bin/gpt" --data "$work/empty.txt"
check "gpt names an empty text" grep -q 'the text is empty' "$work/err"
gpt() {
    run "$bin/gpt" --limit 40000 --width 32 --layers 2 --block 32 "$@"
}
gpt --steps 120 --save "$work/gpt.safetensors" --generate 60 --threads 1
check "gpt on opinions" succeeds
check "gpt reports both losses" says '^epoch 10/10: loss [0-9.]*, val_loss [0-9.]*'
check "gpt learns" awk '/^validation loss: [0-9]/ { ok = $3 < 2.4 } END { exit !ok }' "$work/out"
last=$(tail -n 1 "$work/out")
gpt --steps 120 --generate 0 --threads 2
check "gpt gives the same bits at any thread count" [ "$(tail -n 1 "$work/out")" = "$last" ]
"$bin/gpt" --limit 40000 --width 32 --layers 2 --block 32 --steps 120 --generate 0 --run "$work/run" > /dev/null 2>&1 &
for _ in $(seq 100); do
    [ -e "$work/run/last.checkpoint" ] && break
    sleep 0.1
done
kill -9 $! 2> /dev/null
wait $! 2> /dev/null
gpt --steps 120 --generate 0 --run "$work/run" --resume
check "gpt resumes" says '^resumed: .*/run/last.checkpoint'
check "a killed run that was resumed ends with the same bits" [ "$(tail -n 1 "$work/out")" = "$last" ]
gpt --resume
check "gpt --resume wants a run" [ "$status" -eq 2 ]
gpt --load "$work/gpt.safetensors" --evaluate --prompt "the plot is" --generate 40 --temperature 0
check "gpt writes on from its file" says '^the plot is'
check "saved weights and characters lose the same" [ "$(tail -n 1 "$work/out")" = "$last" ]
gpt --load "$work/gpt.safetensors" --evaluate --prompt "PLOT"
check "gpt names a character that it never saw" grep -q "'P' (U+0050) is not in the vocabulary" "$work/err"
COTANGENT_ANOMALY=1
export COTANGENT_ANOMALY
gpt --steps 60 --generate 0 --lr 1e3
unset COTANGENT_ANOMALY
check "gpt at a wrong learning rate names the op and the layer" grep -q '^anomaly: .* (op [0-9]*) in stack\.layers\..* gave ' "$work/err"
gpt --load "$work/reader.safetensors" --evaluate
check "gpt refuses the file of another model" [ "$status" -eq 1 ]

run "$bin/xor"
check "xor" succeeds
check "xor learns it" awk '/xor/ { error = $4 - ($1 != $3 + 0); right += error > -0.2 && error < 0.2 }
                           END { exit right != 4 }' "$work/out"
run "$bin/custom_optimizer"
check "custom_optimizer" succeeds
check "custom_optimizer learns" awk '/^sign_sgd +step 600/ { ok = $5 < 0.01 } END { exit !ok }' "$work/out"
curves() {                                      # FILE: how many, as gnuplot draws them or as the library does
    if grep -q gnuplot_plot "$1"; then grep -c 'id="gnuplot_plot_[0-9]' "$1"; else grep -c '<path' "$1"; fi
}
run "$bin/schedules" --plot "$work/schedules.svg"
check "schedules" succeeds
check "schedules draws fourteen curves" [ "$(curves "$work/schedules.svg")" -eq 14 ]
run "$bin/optimizer_race" --limit 500 --epochs 1 --plot "$work/race.svg"
check "optimizer_race" succeeds
check "optimizer_race draws seven curves" [ "$(curves "$work/race.svg")" -eq 7 ]
run "$bin/optimizer_race" --optimizers adam,adm
check "optimizer_race --optimizers adam,adm" [ "$status" -eq 2 ]
run "$bin/optimizer_race" --optimizers "$(printf 'sgd,%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13)adam"
check "optimizer_race with more optimizers than it has room for" [ "$status" -eq 2 ]
run "$bin/optimizer_race" --plot "$work/no-such-folder/race.svg"
check "optimizer_race --plot into no folder" [ "$status" -eq 2 ]
run "$bin/custom_op"
check "custom_op" succeeds
check "custom_op passes its check" says "agree"
run "$bin/custom_module"
check "custom_module" succeeds
check "custom_module learns" awk '/^step 500/ { ok = $4 < 0.05 } END { exit !ok }' "$work/out"
run "$bin/model_file" "$work/swish.json" "$work/swish.onnx"
check "model_file" succeeds
check "model_file brings the model back" says "swish.json: a Sequential of 97 parameters, outputs the same"
check "model_file writes JSON, weights and ONNX" test -s "$work/swish.json" -a -s "$work/swish.safetensors" -a -s "$work/swish.onnx"

echo "1..$tests"
[ "$failures" -eq 0 ]
