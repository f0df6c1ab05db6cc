# The two commands a newcomer needs: `make demo` and `make test`. Both do their own set-up.
.PHONY: demo test test-real check setup
setup:
	@scripts/setup
demo: setup
	@./portcullis demo
test:
	@scripts/test
# Opt-in: against a real kube-apiserver, built once from Debian's source package.
test-real:
	@scripts/test-real
check:
	@scripts/check
