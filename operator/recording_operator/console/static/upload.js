// The page that uploads files: the form, Uppy, and what became of each file.
"use strict";

// Only one page may know the interrupted uploads: another would show those that it sends as interrupted, too.
// Browsers have locks on pages with https, or of this machine.
function isFirst(name) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) =>
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock && new Promise(() => {}); // until the page is closed
    }),
  );
}

(async () => {
  const root = one("#upload");
  if (!root) return;
  const form = one("#about-upload");
  const types = JSON.parse(root.dataset.types);
  const waiting = root.dataset.uid ? { ...root.dataset } : null;
  const DAY_MS = 24 * 60 * 60 * 1000;

  // Problems stay until the next attempt, unlike Uppy's own messages.

  function showProblem(error) {
    const rule = one("#problem-cors");
    one("#problem-text").textContent = error.message;
    rule.hidden = !error.cors;
    if (error.cors) one("#cors-rule").textContent = corsRule();
    one("#problem").hidden = false;
  }

  function corsRule() {
    const rule = {
      AllowedOrigins: [location.origin],
      AllowedMethods: ["PUT"],
      AllowedHeaders: ["content-md5", "content-type"],
      ExposeHeaders: ["ETag"],
      MaxAgeSeconds: 3600,
    };
    return JSON.stringify({ CORSRules: [rule] }, null, 2);
  }

  const hideProblem = () => (one("#problem").hidden = true);

  one("#copy-rule").addEventListener("click", async (event) => {
    await navigator.clipboard.writeText(one("#cors-rule").textContent);
    event.target.textContent = "Copied";
  });

  // Recordings

  function kindOf(file) {
    const [kind, mediaType] = types[`.${file.extension.toLowerCase()}`] ?? [];
    const type = mediaType || file.type || "";
    const family = { video: "Video", audio: "Audio" }[type.split("/")[0]];
    return { kind: kind ?? family ?? "Other", contentType: type };
  }

  const stem = (name) => name.replace(/\.[^.]+$/, "") || name;

  function slug(text) {
    const plain = text.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
    return plain.slice(0, 50).replace(/-+$/, "") || "upload";
  }

  function specOf(files, title) {
    const said = (name) => form.elements[name].value.trim();
    const owner = { org: said("org"), user: said("user"), project: said("project") };
    const names = new Set();
    const artifacts = files.map((file) => {
      const { kind, contentType } = kindOf(file);
      let name = kind.toLowerCase();
      for (let number = 2; names.has(name); number++) name = `${kind.toLowerCase()}-${number}`;
      names.add(name);
      const source = { upload: { maxSize: String(file.size) } };
      return { name, kind, ...(contentType ? { contentType } : {}), source };
    });
    return {
      owner: Object.fromEntries(Object.entries(owner).filter(([, value]) => value)),
      title,
      ...(said("location") ? { storageLocation: said("location") } : {}),
      artifacts,
    };
  }

  const ending = () => Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => (byte % 36).toString(36)).join("");

  // A response may be lost although the Recording was created. So its name is made here, once, and is found again.
  async function created(files, client, { namespace, name, spec }) {
    const [first] = files;
    const { wanted } = first;
    const known = wanted?.namespace === namespace && (!name || wanted.name === name) ? wanted.name : null;
    const mine = known ?? (name ? null : `${slug(spec.title)}-${ending()}`);
    const called = name || mine;
    const remember = () => files.filter(({ id }) => uppy.getFile(id)).forEach(({ id }) => uppy.setFileState(id, { wanted: { namespace, name: called } }));
    if (mine) remember();
    try {
      const body = { namespace, name: called, spec };
      return await (mine ? client.call("POST", "/api/v1/recordings", { body }) : client.once("POST", "/api/v1/recordings", body));
    } catch (error) {
      if (called === mine && error.status === 409) return client.found(`/api/v1/recordings/${namespace}/${called}`);
      if (!(error.status < 500)) remember();
      throw error;
    }
  }

  async function createOne(files, client, { title, name }) {
    const spec = specOf(files, title);
    const namespace = form.elements.namespace.value.trim();
    const made = await created(files, client, { namespace, name, spec });
    const left = files.filter(({ id }) => uppy.getFile(id));
    if (!left.length) await client.call("POST", `/api/v1/recordings/${namespace}/${made.name}/cancel?uid=${made.uid}`);
    left.forEach((file) => {
      const artifact = spec.artifacts[files.indexOf(file)].name;
      uppy.setFileState(file.id, { recording: { namespace, name: made.name, uid: made.uid, artifact, isNew: true } });
      show(uppy.getFile(file.id), "Waiting");
    });
  }

  async function create(files, client) {
    if (waiting) {
      const { namespace, name, uid, artifact } = waiting;
      uppy.setFileState(files[0].id, { recording: { namespace, name, uid, artifact } });
      return;
    }
    const title = form.elements.title.value.trim();
    const name = form.elements.name.value.trim();
    const together = form.elements.together.value === "yes" || files.length === 1;
    try {
      if (together) await createOne(files, client, { title: title || stem(files[0].name), name });
      else for (const file of files) await createOne([file], client, { title: stem(file.name), name: "" });
    } catch (error) {
      showProblem(error);
      throw error;
    }
  }

  // What became of each file

  function show(file, state, tone = "") {
    if (!file?.recording) return;
    const { namespace, name, artifact } = file.recording;
    const id = `sent-${file.recording.uid}-${artifact}`;
    let row = document.getElementById(id);
    if (!row) {
      row = document.createElement("li");
      row.id = id;
      const link = document.createElement("a");
      link.href = `/recordings/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
      link.textContent = `${namespace}/${name}`;
      const what = document.createElement("span");
      what.className = "sub";
      what.textContent = `${file.name} as ${artifact}`;
      const says = document.createElement("p");
      row.append(link, what, says);
      one("#sent").append(row);
      one("#sent-card").hidden = false;
    }
    row.className = tone;
    const says = row.querySelector("p");
    if (says.textContent !== state) says.textContent = state;
  }

  // Uppy

  const id = waiting ? `upload-${waiting.uid}-${waiting.artifact}` : `upload-${root.dataset.user}`;
  const first = await isFirst(id);
  const uppy = new Uppy.Uppy({
    id: first ? id : `${id}-${ending()}`,
    restrictions: {
      minFileSize: 1,
      maxFileSize: waiting ? Number(waiting.maxSize) : null,
      maxNumberOfFiles: waiting ? 1 : null,
      allowedFileTypes: waiting && JSON.parse(waiting.accept).length ? JSON.parse(waiting.accept) : null,
    },
    locale: {
      strings: {
        exceedsSize: `%{file} is larger than ${root.dataset.most}, and larger files are not accepted.`,
        inferiorSize: "%{file} is empty.",
        youCanOnlyUploadFileTypes: "This file has another type. Accepted are: %{types}.",
      },
    },
    onBeforeUpload: () => {
      hideProblem();
      if (!form || form.reportValidity()) return true;
      const details = form.querySelector("details");
      if (details.querySelector(":invalid")) details.open = true;
      return false;
    },
  });

  uppy.use(Uppy.Dashboard, {
    inline: true,
    target: "#files",
    width: "100%",
    height: 400,
    singleFileFullScreen: false,
    theme: isDark() ? "dark" : "light",
    fileManagerSelectionType: "files",
    disableThumbnailGenerator: true,
    disableInformer: true,
    proudlyDisplayPoweredByUppy: false,
    showRemoveButtonAfterComplete: false,
    doneButtonHandler: null,
    locale: {
      strings: {
        dashboardTitle: "Files to upload",
        dropPasteFiles: waiting ? "Drop the file here or %{browseFiles}" : "Drop files here or %{browseFiles}",
        browseFiles: waiting ? "choose it" : "choose them",
        recoveredXFiles: {
          0: "An upload was interrupted. Choose the same file again: it goes on where it was.",
          1: "%{smart_count} uploads were interrupted. Choose the same files again: they go on where they were.",
        },
        recoveredAllFiles: "An upload was interrupted. Press Resume: it goes on where it was.",
        sessionRestored: "Interrupted upload",
        reSelect: "Choose the file again",
      },
    },
  });
  if (first) uppy.use(Uppy.GoldenRetriever, { expires: DAY_MS });
  uppy.use(StoreUploader, { csrf: root.dataset.csrf, checksumScript: root.dataset.checksum, create });

  uppy.on("restriction-failed", (_file, error) => showProblem(error));
  uppy.on("file-added", hideProblem);
  uppy.on("upload-start", (files) => {
    hideProblem();
    files.forEach((file) => show(file, "Sending"));
  });
  uppy.on("upload-message", (file, message, tone) => show(file, message, tone));
  uppy.on("upload-progress", (file) => show(file, "Sending"));
  uppy.on("upload-success", (file) => show(file, "Sent. The operator checks the file; you may close this page."));
  uppy.on("file-stored", (file) => show(file, "Complete", "good"));
  uppy.on("upload-error", (file, error) => {
    showProblem({ message: error.message, cors: error.cors });
    show(file, error.message, "bad");
  });

  uppy.on("restored", () => uppy.getFiles().forEach((file) => show(file, "Interrupted")));

  // Uppy calls a single file an item of a list, but its parent no list.
  const pass = () => one("#files .uppy-Dashboard-files:not([role])")?.setAttribute("role", "list");
  new MutationObserver(pass).observe(one("#files"), { childList: true, subtree: true });

  document.addEventListener("theme", () => uppy.getPlugin("Dashboard").setOptions({ theme: isDark() ? "dark" : "light" }));

  addEventListener("beforeunload", (event) => {
    const files = uppy.getFiles().filter((file) => file.progress.uploadStarted && !file.progress.uploadComplete && !file.error);
    if (files.length && !uppy.getState().recoveredState) event.preventDefault();
  });
})();
