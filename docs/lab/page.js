// The page: an editor, a worker with Python in it, and what the worker answers.
import { basicSetup, EditorView } from "codemirror";
import { indentWithTab } from "@codemirror/commands";
import { keymap } from "@codemirror/view";
import { python } from "@codemirror/lang-python";

const $ = id => document.getElementById(id);
const { programs, worker: workerText } = window.LAB;
const status = text => { $("status").textContent = text; };
let worker, parts, running = false;

// The editor, with its work kept in the browser for each program

const key = () => `lab:${$("program").value}`;
const stored = () => { try { return localStorage.getItem(key()); } catch { return null; } };
const store = text => { try { localStorage.setItem(key(), text); } catch { /* private windows keep nothing */ } };
const original = () => programs[$("program").value].code;

const editor = new EditorView({
    parent: $("editor"),
    extensions: [
        keymap.of([{ key: "Ctrl-Enter", mac: "Cmd-Enter", run: () => { run(); return true; } }, indentWithTab]),
        basicSetup, python(), EditorView.lineWrapping, EditorView.contentAttributes.of({ "aria-label": "Program" }),
        EditorView.updateListener.of(update => { if (update.docChanged) store(editor.state.doc.toString()); })],
});

function show(text) {
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
}

// Python

/** The bytes of a part, which a script file beside the page holds as gzipped base64. */
async function unpacked(name) {
    const packed = await (await fetch(`data:application/gzip;base64,${window.LAB[name]}`)).blob();
    window.LAB[name] = null;
    const stream = packed.stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function folder(name) {
    const text = new TextDecoder().decode(await unpacked(name));
    return Object.fromEntries(Object.entries(JSON.parse(text)).map(
        ([path, content]) => [path, Uint8Array.from(atob(content), letter => letter.charCodeAt(0))]));
}

async function load() {
    const [code, library, files, data] =
        await Promise.all([unpacked("wasm"), unpacked("library"), folder("files"), folder("data")]);
    status("Compiling Python …");
    parts = { module: await WebAssembly.compile(code), library, files, data };
    start();
}

function start() {
    status("Starting Python …");
    worker = new Worker(URL.createObjectURL(new Blob([workerText], { type: "text/javascript" })));
    worker.onmessage = ({ data }) => answers[data.kind](data.content);
    worker.onerror = event => answers.broken(event.message);
    worker.postMessage(parts);
}

const answers = {
    ready() { busy(false); status("Ready."); },
    out: text => append("out", text),
    err: text => append("err", text),
    figure(bytes) {
        const picture = document.createElement("img");
        picture.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
        picture.alt = "Figure drawn by the program";
        $("output").append(picture);
    },
    done(seconds) { busy(false); status(`Done in ${seconds.toFixed(2)} s.`); },
    broken(reason) {
        append("err", `Python stopped: ${reason}. It is started again; its variables are gone.`);
        worker.terminate();
        start();
    },
};

function append(kind, text) {
    let last = $("output").lastElementChild;
    if (!last || last.className !== kind) {
        last = document.createElement("pre");
        last.className = kind;
        $("output").append(last);
    }
    last.append(`${text}\n`);
    $("output").scrollTop = $("output").scrollHeight;
}

function busy(now) {
    running = now;
    $("run").disabled = now;
    $("stop").disabled = !now;
}

function run() {
    if (running || !worker) return;
    $("output").replaceChildren();
    busy(true);
    status("Running …");
    worker.postMessage({ code: editor.state.doc.toString() });
}

function stop() {
    worker.terminate();
    append("err", "Stopped. Python is started again; its variables are gone.");
    start();
    $("stop").disabled = true;
}

// The page

for (const [name, { group, title }] of Object.entries(programs)) {
    let section = $("program").querySelector(`optgroup[label="${group}"]`);
    if (!section) {
        section = document.createElement("optgroup");
        section.label = group;
        $("program").append(section);
    }
    section.append(new Option(title, name));
}
const asked = decodeURIComponent(location.hash.slice(1));
if (programs[asked]) $("program").value = asked;
$("program").onchange = () => { location.hash = $("program").value; show(stored() ?? original()); };
$("reset").onclick = () => show(original());
$("run").onclick = run;
$("stop").onclick = stop;
window.labEditor = show;    // for tests
show(stored() ?? original());
busy(true);
$("stop").disabled = true;
status("Unpacking Python …");
load().catch(error => status(`Python could not be started: ${error}`));
