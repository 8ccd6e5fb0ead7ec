// Byte-compiles a directory with the pinned CPython in WebAssembly, so that the result is the same everywhere.
// Usage: node compile_bundle.mjs DIRECTORY ROOT_IN_TRACEBACKS PYTHON_VERSION
import { loadPyodide } from "pyodide";

const [directory, root, wanted] = process.argv.slice(2);
const python = await loadPyodide({ env: { PYTHONHASHSEED: "0" } });
const has = python.runPython("import sys; '.'.join(map(str, sys.version_info[:2]))");
if (has !== wanted) {
  console.error(`the pyodide of package.json is Python ${has}, the functions run ${wanted}: pin one that matches`);
  process.exit(1);
}
python.FS.mkdir("/bundle");
python.FS.mount(python.FS.filesystems.NODEFS, { root: directory }, "/bundle");
python.globals.set("root", root);
// Unchecked hashes (PEP 552), not times: Lambda's files have times of their own, and nobody edits them.
const compiled = python.runPython(`
import compileall, py_compile
compileall.compile_dir(
    "/bundle", quiet=1, force=True, stripdir="/bundle", prependdir=root,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
)
`);
process.exit(compiled ? 0 : 1);
