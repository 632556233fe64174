// The worker: one Python, and the files it sees. It gets code, and answers with text, pictures and an end.
import { ConsoleStdout, Directory, File, OpenFile, PreopenDirectory, WASI } from "@bjorn3/browser_wasi_shim";

const PYTHON = "/usr/local/lib/python315.zip";
const encoder = new TextEncoder();
const say = (kind, content) => self.postMessage({ kind, content });
const work = new Map();    // what Python finds in /work
let python;

/** Put a file into a folder given as a Map, and make the folders on the way. */
function put(folder, path, bytes) {
    const [first, ...rest] = path.split("/");
    if (!rest.length) return folder.set(first, new File(bytes));
    if (!folder.has(first)) folder.set(first, new Directory(new Map()));
    put(folder.get(first).contents, rest.join("/"), bytes);
}

function folderOf(files) {
    const folder = new Map();
    for (const [path, bytes] of Object.entries(files)) put(folder, path, bytes);
    return folder;
}

/** Pass source text to the interpreter. */
function turn(source) {
    const bytes = encoder.encode(source), place = python.host_alloc(bytes.length);
    new Uint8Array(python.memory.buffer).set(bytes, place);
    python.turn(place, bytes.length);
}

async function start({ module, library, files, data }) {
    const empty = () => new Directory(new Map());
    const root = new Map([["tmp", empty()], ["work", new Directory(work)],
        ["usr", new Directory(new Map([["local", new Directory(new Map([["lib", empty()]]))]]))]]);
    const streams = [new OpenFile(new File([])), ConsoleStdout.lineBuffered(line => say("out", line)),
        ConsoleStdout.lineBuffered(line => say("err", line))];
    const folders = [
        new PreopenDirectory("/usr/local/lib", new Map([["python315.zip", new File(library)]])),
        new PreopenDirectory(`${PYTHON}/matplotlib/mpl-data`, folderOf(data)),
        new PreopenDirectory("/site", folderOf(files)), new PreopenDirectory("/", root)];
    const settings = ["TMPDIR=/tmp", "HOME=/tmp", "PYTHONTZPATH=", "MPLBACKEND=agg", "OMP_NUM_THREADS=1"];
    const wasi = new WASI(["python"], settings, [...streams, ...folders], { debug: false });
    const missing = () => 52;    // "not supported", as the answer of calls that the shim does not know
    const system = new Proxy(wasi.wasiImport, { get: (calls, name) => calls[name] ?? missing });
    const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: system, host: { call: () => -1 } });
    wasi.inst = instance;
    python = instance.exports;
    python._initialize();
    turn("import sys; sys.path.insert(0, '/site'); import os; os.chdir('/work'); import session");
    say("ready");
}

function run({ code }) {
    const before = performance.now();
    put(work, ".cell.py", encoder.encode(code));
    try {
        turn("session.run('/work/.cell.py')");
        for (const [name, file] of work)
            if (name.startsWith(".figure")) {
                say("figure", file.data.slice());
                work.delete(name);
            }
    } catch (error) {
        return say("broken", String(error));
    }
    say("done", (performance.now() - before) / 1000);
}

self.onmessage = ({ data }) => data.module ? start(data).catch(error => say("broken", String(error))) : run(data);
