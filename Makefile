# `make demo` and `make test` work on a fresh Debian 12 or Ubuntu 24.04 machine that has Rust: they install what is
# missing first. A second run installs nothing and needs no network.

.PHONY: help demo test build setup setup-openvino setup-webgpu setup-cuda setup-tensorrt-rtx bundle gpu-bundle bench licences model-table clean-cache

help:
	@echo "make demo         double the size and frame rate of a sample clip"
	@echo "make test         formatting, lints and all tests"
	@echo "make build        target/release/framecast"
	@echo "make setup-openvino, setup-webgpu, setup-cuda, setup-tensorrt-rtx   more places where networks can run"
	@echo "make bundle       dist/: all that is needed to run elsewhere, without network (SPLIT=55M: in parts)"
	@echo "make gpu-bundle   the same with gpu.sh: every check and benchmark that needs a GPU"
	@echo "make bench        kernel benchmarks, and framecast beside its peers"
	@echo "make licences     check the licences of all dependencies (needs cargo-deny)"
	@echo "make model-table  measure models and write the table of README.md (REFERENCE=folder, MODELS=names)"
	@echo "make clean-cache  remove what the set-up fetched"

# PROVIDERS, MODELS, CUDA and SPLIT choose what goes in, see scripts/bundle.sh.
bundle: build
	@scripts/bundle.sh

# What bench/gpu.sh needs: on the machine with the GPU, `./gpu.sh` in the bundle's folder.
gpu-bundle: build
	@TOOLS="$$(scripts/gpu_tools.sh | tr '\n' ' ')" FILES="bench/gpu.sh .cache/clips/bigbuckbunny.mp4" scripts/bundle.sh

demo: build
	scripts/demo.sh

test: setup
	scripts/check.sh

build: setup
	cargo build --release --locked

setup:
	@scripts/setup.sh

setup-openvino setup-webgpu setup-cuda setup-tensorrt-rtx: setup-%: setup
	@scripts/setup.sh $*

bench: build
	cargo bench --locked
	bench/peers/run.sh target/release/framecast .cache/clips/bigbuckbunny.mp4

licences:
	cargo deny check licenses sources bans

SET5 = $(REFERENCE)/Set5
SET14 = $(REFERENCE)/Set14
CLIPS = $(wildcard $(REFERENCE)/clips)
MODELS = live-x2

model-table: build
	scripts/model_table.py --set5 $(SET5) --set14 $(SET14) $(if $(CLIPS),--clips $(CLIPS)) $(MODELS)

clean-cache:
	rm -rf .cache demo dist
