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

# ---- Tables: train_from_csv and predict_csv ------------------------------------------------------------------------------------------
fails() {                                       # MESSAGE: the program says it and ends with 1
    [ "$status" -eq 1 ] && grep -qF -e "$1" "$work/err"
}
warns() {
    [ "$status" -eq 0 ] && grep -qF -e "$1" "$work/err"
}
both() {                                        # TEXT WANTED TEXT WANTED
    [ "$1" = "$2" ] && [ "$3" = "$4" ]
}
train() {
    run "$bin/train_from_csv" "$@"
}
predict() {
    run "$bin/predict_csv" "$@"
}
flowers=$work/flowers.csv houses=$work/houses.csv model=$work/flowers.safetensors prices=$work/houses.safetensors
# 150 rows of three classes, two of which touch, as in Fisher's iris.
awk 'function bell() { return rand() + rand() + rand() + rand() - 2 }
     BEGIN { srand(7); print "length,width,species"
             for (i = 0; i < 150; i++) { c = i % 3; printf "%.2f,%.2f,%s\n", 5 + 1.2 * c + .5 * bell(), 3 - (c == 1) + .4 * bell(), substr("\"a, b\"beta  gamma ", 6 * c + 1, 6) } }' > "$flowers"
# Prices near 50,000 by a rule that is not linear, with kinds, numbers that are missing, and noise of deviation 577.
awk 'BEGIN { srand(8); print "size;age;kind;price"
             for (i = 0; i < 800; i++) { x = rand() * 4 - 2; a = int(rand() * 50); k = int(rand() * 3)
                 printf "%.3f;%s;%s;%.0f\n", x, i % 11 ? a : "?", substr("flathut mill", 4 * k + 1, 4), 50000 + 4000 * sin(2 * x) + (k == 1) * 3000 * x - 60 * a + 2000 * (rand() - .5) } }' > "$houses"

train
check "train_from_csv without a file" refuses "train_from_csv: want FILE (--help tells more)"
train "$flowers"
check "train_from_csv without a label" refuses "train_from_csv: want --label COLUMN, what is to be predicted (--help tells more)"
train "$flowers" "$houses" --label species
check "one word too many" refuses "train_from_csv: $houses: want options only (--help lists them)"
train --help
check "its help names the file first" says '^usage: train_from_csv FILE \[options\]$'
train "$flowers" --label species --limit 9
check "train_from_csv --limit 9" refuses "train_from_csv: --limit 9: want at least 10"
train "$flowers" --label species --hidden 64,0
check "train_from_csv --hidden 64,0" refuses "train_from_csv: --hidden 64,0: want up to 16 sizes of 1 to 65536, with commas between, or none"
train "$flowers" --label species --activation step
check "train_from_csv --activation step" refuses "train_from_csv: --activation step: want relu, gelu, silu or tanh"
train "$flowers" --label species --validation 0.5 --test 0.5
check "shares that leave nothing" refuses "train_from_csv: --validation 0.5, --test 0.5: want both above 0 and their sum below 1"
train "$flowers" --label species --separator ab
check "train_from_csv --separator ab" refuses "train_from_csv: --separator ab: want one character, or tab"
train "$flowers" --label species --resume
check "train_from_csv --resume without a run" refuses "train_from_csv: --resume: want --run DIR too"
train "$flowers" --label species --run "$work/no-run" --resume
check "train_from_csv --resume of no run" refuses "train_from_csv: --resume: there is no $work/no-run/last.checkpoint"
train "$flowers" --label species --save "$work/nowhere/x"
check "train_from_csv --save into no folder, before training" refuses "train_from_csv: --save $work/nowhere/x: cannot be written: No such file or directory"
train "$flowers" --label species --run "$flowers"
check "train_from_csv --run on a file" fails "there is a file where a folder was meant"

train "$flowers" --label kind
check "a label that is not there: the columns are listed" fails "$flowers: no column is called \"kind\": want one of length, width, species"
train "$flowers" --label species --drop size
check "a column to drop that is not there" fails 'no column is called "size"'
train "$work/none.csv" --label y
check "a file that is not there" fails "$work/none.csv"
: > "$work/t.csv"
train "$work/t.csv" --label y
check "an empty file" fails "$work/t.csv: no rows"
echo x,y > "$work/t.csv"
train "$work/t.csv" --label y
check "a header alone" fails "$work/t.csv: no rows below the first, which names the columns"
printf 'x,y\n1,a\n2\n' > "$work/t.csv"
train "$work/t.csv" --label y
check "a row too short" fails "$work/t.csv: line 3: 1 fields, the first row has 2"
printf 'x,y\n1,a\n2,b,c\n' > "$work/t.csv"
train "$work/t.csv" --label y
check "a row too long" fails "$work/t.csv: line 3: more than the 2 fields of the first row"
printf 'x,y\n1,caf\351\n' > "$work/t.csv"
train "$work/t.csv" --label y
check "a file of Latin-1" fails "$work/t.csv: line 2: not UTF-8"

rows() {                                        # FORMAT of i, N: a table x,z,y
    awk -v format="$1\n" -v n="$2" 'BEGIN { print "x,z,y"; for (i = 0; i < n; i++) printf format, sin(i), i % 7, (i * 5) % 12 }' > "$work/t.csv"
}
rows '%f,%d,same' 30
train "$work/t.csv" --label y
check "a single class" fails "$work/t.csv: y is \"same\" in every row: nothing to tell apart"
rows '%f,%d,3.5' 30
train "$work/t.csv" --label y
check "a constant target" fails "$work/t.csv: y is 3.5 in every row: nothing to predict"
rows '%f,%d,c%d' 9
train "$work/t.csv" --label y
check "only classes of one row" fails "of the 9 classes of y only 0 has 3 rows, one for each part"
rows '%f,%d,%d' 9
train "$work/t.csv" --label y
check "too few rows for three parts" fails "$work/t.csv: 9 rows that can be used, 1 for validation and 1 to test: want at least 10"
rows '%f,%d,' 30
train "$work/t.csv" --label y
check "a label that is missing everywhere" fails "$work/t.csv: 0 rows that can be used"
rows '%f,%d,inf' 30
train "$work/t.csv" --label y
check "an infinite target" fails "$work/t.csv: y is inf in row 1"
awk 'BEGIN { print "empty,z,y,same"; for (i = 0; i < 40; i++) print "," i % 5 "," i * 7 % 31 ",one" }' > "$work/t.csv"
train "$work/t.csv" --label y --epochs 1
check "a column without a value is left out" warns "warning: empty is missing in every row to train with, and is left out"
check "and one with one value" warns "warning: same is the same in every row to train with, and is left out"
check "so one input is left" says '^inputs: 1$'
awk 'BEGIN { OFS = ","; print "id,name,x,y"; for (i = 0; i < 60; i++) print 1000 + i * i, "n" i, sin(i), i % 3 }' > "$work/t.csv"
train "$work/t.csv" --label y --epochs 1
check "numbers that count the rows" warns "warning: id counts the rows; if it is an id, --drop it"
check "a name a row" warns "warning: name has 60 different values in 60 rows; if it is an id or free text, --drop it"
check "classes that are numbers" warns "warning: y holds whole numbers from 0 to 2 and is taken as a quantity; --classify takes them as classes"
check "a quantity ends with the loss" says '^validation loss: [0-9.]*$'
train "$work/t.csv" --label y --epochs 1 --classify --drop id,name
check "with both heeded, all is quiet" succeeds
check "and ends with an accuracy" ends_with_accuracy 0
awk 'BEGIN { print "name,y"; for (i = 0; i < 50000; i++) print "n" i "," i }' > "$work/t.csv"
train "$work/t.csv" --label y
check "more inputs than fit" fails "its columns make 35000 inputs in 35000 rows, more than fit; --drop those with many categories"
awk 'BEGIN { print "x,y"; for (i = 0; i < 60; i++) print sin(i) "," (i < 2 ? "rare" : i < 4 ? "" : i % 2 ? "odd" : "even") }' > "$work/t.csv"
train "$work/t.csv" --label y --epochs 1
check "a class of two rows is left out" warns 'warning: 1 of the 3 classes of y have fewer than 3 rows and are left out, "rare" for one'
check "and so are rows without a label" warns "warning: 2 rows have no y and are left out"

awk 'BEGIN { print "x,y"; for (i = 0; i < 60; i++) printf "%d,%d\n", i * 7 % 31, 1700000000 + 9 * i }' > "$work/t.csv"
train "$work/t.csv" --label y --epochs 1 --seed 1
check "a target finer than float32" warns "warning: y is known to 2e+02, by float32, and deviates by "
awk 'BEGIN { print "x,y"; for (i = 0; i < 60; i++) print i * 7 % 31 "e200," i % 11 }' > "$work/t.csv"
train "$work/t.csv" --label y
check "numbers that cannot be squared" fails "column x holds numbers whose squares are infinite"

train "$flowers" --label species --save "$model" --threads 1
check "150 flowers by defaults" succeeds
check "tells the parts" says '^rows: 104 to train with, 23 for validation, 23 to test$'
check "says which epoch it keeps" says '^kept: epoch [0-9]*, validation loss 0\.[0-9]*$'
check "flowers are told apart" ends_with_accuracy 0.9
last=$(tail -n 1 "$work/out") kept=$(grep '^kept:' "$work/out")
train "$flowers" --label species --threads 2 --run "$work/flowers"
check "the same at any thread count" both "$(tail -n 1 "$work/out")" "$last" "$(grep '^kept:' "$work/out")" "$kept"
check "a run leaves its files" [ "$(ls "$work/flowers" | tr '\n' ' ')" = "best.safetensors epochs.csv last.checkpoint model.safetensors report.html " ]
check "the model is the same file" cmp -s "$model" "$work/flowers/model.safetensors"
check "the report names the classes" grep -q '<th>a, b</th>' "$work/flowers/report.html"
train "$flowers" --label species --run "$work/flowers"
check "a second run in one folder" refuses "train_from_csv: --run $work/flowers: there is a run already: go on with it by --resume, or name another folder"
train "$flowers" --label species --run "$work/resumed" --epochs 3
train "$flowers" --label species --run "$work/resumed" --resume
check "a run goes on as if it had not stopped" both "$(tail -n 1 "$work/out")" "$last" "$(grep '^kept:' "$work/out")" "$kept"
for other in "--hidden none" "--hidden 16 --dropout 0 --activation tanh" "--class-weights --hidden 64,64,64 --activation silu"; do
    train "$flowers" --label species $other
    check "flowers with $other" ends_with_accuracy 0.85
done

train "$houses" --separator ';' --missing '?' --label price --save "$prices"
check "prices of 800 houses" succeeds
check "prices are predicted" awk '/^test r2:/ { ok = $3 > 0.93 } END { exit !ok }' "$work/out"
check "errors are told in the label's units" awk '/^test mae:/ { ok = $3 > 400 && $3 < 900 && $5 + 0 > $3 + 0 } END { exit !ok }' "$work/out"
check "and the loss in deviations" awk '/^validation loss:/ { ok = $3 > 0 && $3 < 0.07 } END { exit !ok }' "$work/out"

predict "$model"
check "predict_csv without a table" refuses "predict_csv: want FILE (--help tells more)"
predict "$work/net.safetensors" "$flowers"
check "a model file of another kind" fails "$work/net.safetensors: no model of train_from_csv: it does not say how a table is encoded"
predict "$flowers" "$flowers"
check "a file that is no model" fails "$flowers"
predict "$model" "$flowers" --output "$work/nowhere/x"
check "predict_csv --output into no folder" refuses "predict_csv: --output $work/nowhere/x: cannot be written: No such file or directory"
printf 'length,species\n5,beta\n' > "$work/t.csv"
predict "$model" "$work/t.csv"
check "a column that lacks is named" fails 'no column is called "width"'
printf 'length,width\n5,wide\n' > "$work/t.csv"
predict "$model" "$work/t.csv"
check "text where a number was" fails "$work/t.csv: line 2: width: \"wide\" is no number"
echo length,width > "$work/t.csv"
predict "$model" "$work/t.csv"
check "no rows to predict" fails "the table has no rows"
printf 'more,width,length\n,3,5\n,,7.4\n' > "$work/t.csv"
predict "$model" "$work/t.csv"
check "columns in another order, one more, no label, a gap" succeeds
check "classes are quoted where they must be" awk 'NR == 1 { ok = $0 == "prediction,probability" } NR == 2 { ok = ok && /^"a, b",[01][.][0-9]*$/ }
                                                   NR == 3 { ok = ok && /^gamma,[01][.][0-9]*$/ } END { exit !(ok && NR == 3) }' "$work/out"
predict "$model" "$flowers" --output "$work/told.csv"
check "with the label the score is told" awk '/^accuracy: / { ok = $2 > 0.9 && $4 == 150 } END { exit !ok }' "$work/err"
check "and a row for each" both "$(wc -l < "$work/told.csv")" 151 "$(cat "$work/out")" ""
check "with nothing left beside it" [ "$(ls "$work" | grep -c '^told')" -eq 1 ]
if [ -w /dev/full ]; then
    "$bin/predict_csv" "$model" "$flowers" > /dev/full 2> "$work/err"
    status=$?
    check "predictions that cannot be written" fails "standard output: cannot be written: No space left on device"
fi
printf 'length,width,species\n5,3,delta\n5,3,"a, b"\n' > "$work/t.csv"
predict "$model" "$work/t.csv"
check "a class that it does not know is a miss" warns "accuracy: 0.5000, of 2 rows"
printf 'size;age;kind\n1;5;barn\n1;5;\n-1;?;hut\n' > "$work/t.csv"
predict "$prices" "$work/t.csv" --separator ';' --missing '?'
check "a category never seen is warned of" warns '"barn" is none of the encoding'"'"'s 3 categories; it and all such count as missing'
check "and counts as missing" awk 'NR == 2 { a = $1 } NR == 3 { ok = a == $1 && a > 40000 && a < 65000 } END { exit !ok }' "$work/out"
predict "$prices" "$houses" --separator ';' --missing '?' --threads 1
check "prices come in their own units" awk '/^mae: / { ok = $2 > 300 && $2 < 900 && $6 > 0.93 } END { exit !ok }' "$work/err"
cp "$work/out" "$work/told.csv"
predict "$prices" "$houses" --separator ';' --missing '?' --threads 2
check "the same predictions at any thread count" cmp -s "$work/out" "$work/told.csv"

echo "1..$tests"
[ "$failures" -eq 0 ]
