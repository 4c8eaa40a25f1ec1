# 良田 Liangtian. `make help` lists the commands.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PORT ?= 8080
DATA ?= var/demo
ARGS ?=
RECORD ?= geopackage

BIN := .venv/bin
DONE := .venv/.done
WEB := app/web
PAGE := $(WEB)/dist/index.html
PAGE_SOURCES := $(shell find $(WEB) docs/examples \( -name node_modules -o -name dist \) -prune -o -type f -print 2>/dev/null)
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet --require-hashes --only-binary :all:
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

.PHONY: help demo test faults bench lint format page lock audit clean

help: ## 列出命令 / list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(DONE)/run $(PAGE) ## 安装并启动演示 (PORT=8080 DATA=var/demo) / install and serve the demonstration
	@exec $(BIN)/liangtian demo --port "$(PORT)" --data "$(DATA)"

test: $(DONE)/dev $(DONE)/tools $(PAGE) ## 安装并运行全部测试 (ARGS="-k area" RECORD=postgis) / install what the tests need and run them all
	@scripts/npm run --silent test
	@LIANGTIAN_TEST_HOME=$(RECORD) $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

faults: $(DONE)/dev $(DONE)/tools $(PAGE) ## 断电、满盘、强制终止等故障试验 (约 30 分钟) / power cuts, full disks, kills: the long form
	@LIANGTIAN_FAULTS=full $(BIN)/python -m pytest -m faults --timeout 1800 $(ARGS)

bench: $(DONE)/dev $(DONE)/bench ## 性能对比 (ARGS="items") / our figures beside the usual way
	@$(BIN)/python -m tests.bench.run $(ARGS)

lint: $(DONE)/dev ## 检查代码风格、类型与分层 / style, types and floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(DONE)/dev ## 自动整理代码 / put the code into the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

page: $(PAGE) ## 构建地图页面 / build the map page

lock: $(DONE)/dev ## 重新锁定依赖 / resolve and lock the dependencies again
	@$(LOCK) --group dev --group build -o requirements-dev.lock
	@$(LOCK) --group build -c requirements-dev.lock -o requirements.lock
	@scripts/lock-group cluster -c requirements-dev.lock
	@scripts/lock-group node
	@scripts/lock-group judge --no-emit-package gdal
	@scripts/lock-group bench

audit: $(DONE)/dev ## 查询依赖的已知漏洞 (需要网络) / known vulnerabilities of the dependencies (needs a network)
	@scripts/audit

clean: ## 删除安装与构建结果, 保留 var / remove what was installed and built, keep var
	@rm -rf .venv .tools $(WEB)/node_modules $(WEB)/dist

# Stamps: a second run starts at once, and a changed lock file installs again.
$(DONE)/venv: scripts/venv
	@scripts/venv .venv
	@mkdir -p $(DONE) && touch $@

$(DONE)/run: requirements.lock pyproject.toml | $(DONE)/venv
	@echo "安装依赖 / installing the dependencies ..."
	@$(PIP_INSTALL) -r requirements.lock
	@scripts/install-project
	@touch $@

$(DONE)/dev: requirements-dev.lock $(DONE)/run
	@echo "安装开发工具 / installing the development tools ..."
	@$(PIP_INSTALL) -r requirements-dev.lock
	@touch $@

$(DONE)/tools: scripts/test-tools requirements-judge.lock | $(DONE)/dev
	@scripts/test-tools
	@touch $@

$(DONE)/bench: scripts/bench-tools requirements-bench.lock $(DONE)/tools
	@scripts/bench-tools
	@touch $@

$(PAGE): $(PAGE_SOURCES) requirements-node.lock | $(DONE)/venv
	@echo "构建地图页面 / building the map page ..."
	@scripts/npm ci --no-audit --no-fund --loglevel=error
	@scripts/npm run --silent build
	@touch $@
