# Run in an empty folder with the source of commit 28c1025 on PYTHONPATH.
set -e
I="${PYTHON:-python} -m isthmus"
S="training.epochs=2 training.batch=2 hardware.threads=1 hardware.device=cpu"
F="$S hardware.precision=float32"
W='network.options={"widths":[4,8,8]}'
$I train cells --out runs/semantic $F "$W"
$I train cells --out runs/faster $S "$W" hardware.precision=bfloat16
$I train nuclei --out runs/objects $F "$W" data.instances=true
$I train organs --out runs/volume $F "$W" "input.patch=[8,16,16]"
$I train cells --model mildnet --out runs/mildnet $F 'network.options={"widths":[4,8,8]}' "input.resize=[32,32]"
$I train cells --out runs/folds --folds 2 $F "$W"
$I train cells --out runs/whole $F "$W" training.epochs=6
cat > study.yaml <<'Y'
name: small
data: {cells: cells}
networks:
  Plain: {model: unet, options: {widths: [4, 8]}}
  Sharp: {model: sharp_unet, options: {widths: [4, 8]}}
folds: 2
recipe:
  training: {epochs: 1, batch: 2}
  input: {resize: [32, 32]}
  hardware: {device: cpu, precision: float32, threads: 1}
  protocol: {kind: kfold}
figures: [curves, boxes]
Y
$I study run study.yaml --out study
# A run that is stopped after its second epoch (kill -9), which resumed must end like runs/whole.
$I train cells --out runs/stopped $F "$W" training.epochs=6 &
until [ -f runs/stopped/history.csv ] && [ "$(wc -l < runs/stopped/history.csv)" -ge 3 ]; do sleep 0.05; done
pkill -9 -f runs/stopped
$I export runs/semantic --to torch --out exports/torch
$I export runs/semantic --to onnx --out exports/onnx
$I export runs/semantic --to openvino --out exports/openvino
