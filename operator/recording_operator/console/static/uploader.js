// Sends files to the store, as a plugin of Uppy: the console has a URL for each part, and the operator ends the upload.
// Uppy's own plugin for S3 has one address for all files, sends no CSRF token, and does not say the size of a part.
"use strict";

const PARTS_AT_ONCE = 4;
const FILES_AT_ONCE = 3;
const TRIES = 6;
const BUSY = [429, 502, 503, 504];
const CHECK_EVERY_MS = 1500;
const CANCELLED = "Cancelled";

class Rejected extends Error {
  constructor(detail, { status, retryAfter = null }) {
    super(detail);
    Object.assign(this, { status, retryAfter });
  }
}

class StoreProblem extends Error {
  constructor(message, { status = 0, cors = false } = {}) {
    super(message);
    Object.assign(this, { status, cors });
  }
}

const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("Stopped.", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });

class Turns {
  // At most so many at the same time.
  constructor(most) {
    this.free = most;
    this.waiting = [];
  }

  async take(action) {
    if (this.free > 0) this.free--;
    else await new Promise((resolve) => this.waiting.push(resolve));
    try {
      return await action();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    }
  }
}

class ConsoleClient {
  constructor(csrf) {
    this.csrf = csrf;
  }

  // The document of the response. Waits and asks again while the console is busy or not there.
  async call(method, path, { body, signal } = {}) {
    for (let attempt = 1; ; attempt++) {
      let wait = 250 * 2 ** attempt;
      try {
        return await this.once(method, path, body, signal);
      } catch (error) {
        if (error.name === "AbortError" || attempt === TRIES) throw error;
        if (error instanceof Rejected) {
          if (!BUSY.includes(error.status)) throw error;
          wait = Math.max(wait, 1000 * (error.retryAfter ?? 0));
        }
      }
      await pause(wait, signal);
    }
  }

  // What was created a moment ago, which the console may not know yet.
  async found(path) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.call("GET", path);
      } catch (error) {
        if (error.status !== 404 || attempt === TRIES) throw error;
      }
      await pause(250 * 2 ** attempt);
    }
  }

  async once(method, path, body, signal) {
    const headers = { Accept: "application/json", "X-CSRF-Token": this.csrf };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
    } catch (error) {
      throw error.name === "AbortError" ? error : new Error("The console does not respond. Check your network, then press Retry.");
    }
    const found = await response.json().catch(() => ({}));
    if (response.ok) return found;
    if (response.status === 401) throw new Rejected("Your session has ended. Sign in again on this page: the upload goes on where it was.", response);
    const after = Number.parseFloat(response.headers.get("Retry-After"));
    const errors = (found.errors ?? []).map((one) => one.problem ?? one.detail).filter(Boolean);
    const detail = [found.detail || `The console responds with status ${response.status}.`, ...errors].join(" ");
    throw new Rejected(detail, { status: response.status, retryAfter: Number.isNaN(after) ? null : after });
  }
}

function put(signed, content, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const settle = (action, value) => {
      signal.removeEventListener("abort", stop);
      action(value);
    };
    request.open("PUT", signed.url);
    for (const [name, value] of Object.entries(signed.headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      const fine = request.status >= 200 && request.status < 300;
      if (fine) settle(resolve);
      else settle(reject, new StoreProblem(`status ${request.status}`, { status: request.status }));
    };
    request.onerror = () => settle(reject, new StoreProblem("the connection failed"));
    request.onabort = () => settle(reject, new DOMException("Stopped.", "AbortError"));
    if (signal.aborted) return reject(new DOMException("Stopped.", "AbortError"));
    signal.addEventListener("abort", stop, { once: true });
    request.send(content);
  });
}

// Why the browser says no more than that the request has failed.
async function diagnosed(url, content) {
  try {
    await content.slice(0, 1).arrayBuffer();
  } catch {
    return new StoreProblem("The file cannot be read: it was changed, moved or deleted since you chose it. Choose it again.");
  }
  const { origin, protocol } = new URL(url, location.href);
  if (location.protocol === "https:" && protocol === "http:")
    return new StoreProblem(`The store at ${origin} has no https, so a page with https may not send to it. Ask your administrator.`);
  try {
    await fetch(`${origin}/`, { mode: "no-cors", credentials: "omit", cache: "no-store" });
  } catch {
    return new StoreProblem(`Your browser cannot reach the store at ${origin}. Check your network, VPN and proxy; then press Retry.`);
  }
  if (origin === location.origin) return new StoreProblem("The console has not taken the part. Press Retry.");
  return new StoreProblem(`The store at ${origin} responds, but does not let pages of ${location.origin} send files to it (CORS).`, { cors: true });
}

class FileTask {
  constructor(uploader, file) {
    Object.assign(this, { uploader, id: file.id, content: file.data, size: file.data.size, recording: file.recording });
    this.sent = new Map();
    this.stopped = false;
    this.paused = file.isPaused ?? false;
    this.period = new AbortController();
    this.started = Date.now();
    const { namespace, name, artifact } = this.recording;
    this.path = `/api/v1/recordings/${namespace}/${name}/artifacts/${artifact}/uploads`;
  }

  setPaused(paused) {
    this.paused = paused;
    if (paused) this.period.abort();
    else {
      this.period = new AbortController();
      this.wake?.();
    }
  }

  stop() {
    this.stopped = true;
    this.period.abort();
    this.wake?.();
    this.worker?.terminate();
  }

  async going() {
    while (this.paused && !this.stopped) await new Promise((resolve) => (this.wake = resolve));
    if (this.stopped) throw new DOMException("Stopped.", "AbortError");
  }

  // Everything but the check by the operator.
  async run() {
    const upload = await this.opened();
    if (upload === null) return;
    this.uploadId = upload.uploadId;
    const length = (number) => Math.min(upload.partSize, this.size - (number - 1) * upload.partSize);
    const count = Math.ceil(this.size / upload.partSize);
    for (const one of await this.call("GET", `/${encodeURIComponent(this.uploadId)}`))
      if (one.PartNumber <= count && one.Size === length(one.PartNumber)) this.sent.set(one.PartNumber, one.Size);
    this.progress();
    const checksum = this.checksum();
    checksum.catch(() => {});
    const missing = Array.from({ length: count }, (_, at) => at + 1).filter((number) => !this.sent.has(number));
    await this.all(missing, (number) => {
      const begin = (number - 1) * upload.partSize;
      return this.send(number, this.content.slice(begin, begin + length(number)));
    });
    const body = { size: this.size, checksum: await checksum };
    await this.call("POST", `/${encodeURIComponent(this.uploadId)}/complete`, body);
  }

  // Several parts at the same time, in their order; the first failure ends the others.
  async all(numbers, action) {
    const left = [...numbers];
    let failed = false;
    const lane = async () => {
      while (left.length && !failed) {
        try {
          await action(left.shift());
        } catch (error) {
          failed = true;
          this.period.abort();
          throw error;
        }
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: PARTS_AT_ONCE }, lane));
    const errors = ended.filter((one) => one.status === "rejected").map((one) => one.reason);
    if (errors.length) throw errors.find((one) => one.name !== "AbortError") ?? errors[0];
  }

  async call(method, path, body) {
    for (;;) {
      await this.going();
      try {
        return await this.uploader.client.call(method, this.path + path, { body, signal: this.period.signal });
      } catch (error) {
        if (error.name !== "AbortError" || !this.paused) throw error;
      }
    }
  }

  // The upload, when the operator has opened it. Null: everything was sent before.
  async opened() {
    for (;;) {
      try {
        const upload = await this.call("POST", "", { size: this.size });
        if (!upload.finished || !(await this.isChecked())) return upload;
        return null;
      } catch (error) {
        if (!(error instanceof Rejected) || error.status !== 409) throw error;
        if (error.retryAfter === null) {
          if (await this.isChecked()) return null;
          throw error;
        }
        this.uploader.say(this.id, error.message);
        await pause(1000 * error.retryAfter, this.period.signal).catch(() => {});
      }
    }
  }

  // Whether the operator has begun to check this very file, or has ended that. Another one may have the same size.
  async isChecked() {
    const checksum = await this.checksum();
    try {
      const state = await this.call("POST", "/-/complete", { size: this.size, checksum });
      return state.phase === "Uploading" || state.phase === "Complete";
    } catch (error) {
      if (error instanceof Rejected) return false;
      throw error;
    }
  }

  async send(number, content) {
    for (let attempt = 1; ; ) {
      await this.going();
      const signal = this.period.signal;
      let signed;
      try {
        await this.uploader.parts.take(async () => {
          // Not this.call: a file that is paused must not keep the turns of others.
          const path = `${this.path}/${encodeURIComponent(this.uploadId)}/${number}?size=${content.size}`;
          signed = await this.uploader.client.call("GET", path, { signal });
          const onProgress = (bytes) => this.progress(number, bytes);
          await put(signed, content, { onProgress, signal });
        });
        this.uploader.reached.add(new URL(signed.url).origin);
        return this.progress(number, content.size);
      } catch (error) {
        this.progress(number, 0);
        if (error.name === "AbortError" && this.paused && !this.stopped) continue;
        if (!(error instanceof StoreProblem)) throw error;
        const isNew = !this.uploader.reached.has(new URL(signed.url).origin);
        if (error.status === 0 && navigator.onLine && attempt >= (isNew ? 2 : TRIES)) throw await diagnosed(signed.url, content);
        if (attempt++ >= TRIES)
          throw new StoreProblem(`The store has not taken part ${number}: ${error.message}. Press Retry to go on.`, { status: error.status });
        await pause(250 * 2 ** attempt, signal).catch(() => {});
      }
    }
  }

  checksum() {
    return new Promise((resolve, reject) => {
      this.worker = new Worker(this.uploader.opts.checksumScript);
      this.worker.onmessage = ({ data }) => {
        this.worker.terminate();
        if (data.checksum) resolve(data.checksum);
        else reject(new Error(`The file cannot be read: ${data.problem} Choose it again.`));
      };
      this.worker.onerror = () => reject(new Error("The checksum of the file cannot be computed. Load the page again."));
      this.worker.postMessage(this.content);
    });
  }

  progress(number, bytes) {
    if (number !== undefined) this.sent.set(number, bytes);
    const file = this.uploader.uppy.getFile(this.id);
    if (!file || this.stopped) return;
    const bytesUploaded = Math.min(this.size, [...this.sent.values()].reduce((sum, one) => sum + one, 0));
    this.uploader.uppy.emit("upload-progress", file, { uploadStarted: this.started, bytesUploaded, bytesTotal: this.size });
  }

  // Until the operator has checked and stored the file. Throws if it has not.
  async stored(say) {
    for (;;) {
      const state = await this.call("POST", "/-/complete", { size: this.size });
      if (state.phase === "Complete") return;
      if (state.phase === "Failed") throw new Error(`${state.message || "The file was not stored."} (${state.reason})`);
      say(state.reason === "WaitingForUpload" && state.message ? state.message : "The operator checks the file.");
      await pause(CHECK_EVERY_MS, this.period.signal).catch(() => {});
    }
  }
}

class StoreUploader extends Uppy.BasePlugin {
  // Options: csrf; checksumScript; create(files): creates the Recordings of files that have none.
  constructor(uppy, opts) {
    super(uppy, opts);
    Object.assign(this, { id: "StoreUploader", type: "uploader", tasks: new Map(), reached: new Set(), ended: new Map(), removed: [] });
    this.client = new ConsoleClient(opts.csrf);
    this.parts = new Turns(PARTS_AT_ONCE);
    this.files = new Turns(FILES_AT_ONCE);
  }

  install() {
    const { uppy } = this;
    uppy.setState({ capabilities: { ...uppy.getState().capabilities, resumableUploads: true, individualCancellation: true } });
    uppy.addPreProcessor((ids) => this.prepare(ids));
    uppy.addUploader((ids) => this.upload(ids));
    uppy.addPostProcessor((ids) => this.check(ids));
    uppy.on("upload-pause", (file, paused) => this.tasks.get(file.id)?.setPaused(paused));
    uppy.on("pause-all", () => this.tasks.forEach((task) => task.setPaused(true)));
    uppy.on("resume-all", () => this.tasks.forEach((task) => task.setPaused(false)));
    uppy.on("file-removed", (file) => this.giveUp(file));
  }

  // Files that are still to be sent.
  wanted(ids) {
    return ids.map((id) => this.uppy.getFile(id)).filter((file) => file && !file.error && !file.progress.uploadComplete);
  }

  say(id, message) {
    const file = this.uppy.getFile(id);
    if (file) this.uppy.emit("upload-message", file, message);
  }

  async prepare(ids) {
    const fresh = this.wanted(ids).filter((file) => !file.recording);
    if (fresh.length) await this.opts.create(fresh, this.client);
  }

  async upload(ids) {
    const files = this.wanted(ids);
    this.uppy.emit("upload-start", files);
    await Promise.all(files.map((file) => this.files.take(() => this.uploadOne(file.id))));
  }

  async uploadOne(id) {
    const file = this.uppy.getFile(id);
    if (!file || !file.recording) return;
    if (!file.data) {
      this.uppy.emit("upload-error", file, new Error(`Choose ${file.name} again: the browser has not kept it.`));
      return;
    }
    const task = new FileTask(this, file);
    this.tasks.set(id, task);
    try {
      await task.run();
      this.uppy.emit("upload-success", this.uppy.getFile(id), { status: 200, uploadURL: this.pageOf(file) });
    } catch (error) {
      if (!task.stopped && this.uppy.getFile(id)) this.uppy.emit("upload-error", this.uppy.getFile(id), error);
    } finally {
      task.stop();
      this.tasks.delete(id);
    }
  }

  pageOf({ recording }) {
    return new URL(`/recordings/${recording.namespace}/${recording.name}`, location.href).href;
  }

  async check(ids) {
    const sent = ids.map((id) => this.uppy.getFile(id)).filter((file) => file?.recording && file.progress.uploadComplete && !file.error);
    await Promise.all(sent.map((file) => this.checkOne(file)));
  }

  async checkOne({ id, size, recording }) {
    const task = new FileTask(this, { id, data: { size }, recording });
    const here = () => this.uppy.getFile(id);
    try {
      await task.stored((message) => {
        if (!here()) return task.stop();
        this.uppy.emit("postprocess-progress", here(), { mode: "indeterminate", message });
      });
      if (here()) this.uppy.emit("file-stored", here());
    } catch (error) {
      if (here()) this.uppy.emit("upload-error", here(), error);
    } finally {
      if (here()) this.uppy.emit("postprocess-complete", here());
    }
  }

  // The person has taken the file away.
  async giveUp(file) {
    const task = this.tasks.get(file.id);
    task?.stop();
    if (!file.recording || file.progress.uploadComplete) return;
    this.removed.push(file);
    const ended = await this.cancelled(file.recording, task?.uploadId).catch((error) => error.message);
    const isSame = (one) => one === file || (ended === CANCELLED && one.recording.uid === file.recording.uid);
    this.removed.filter(isSame).forEach((one) => this.uppy.emit("upload-message", one, ended, "bad"));
  }

  // Cancels the Recording that waits for the file, unless others want it. What the person has to know of it.
  async cancelled({ namespace, name, artifact, uid, isNew }, uploadId) {
    const at = `/api/v1/recordings/${namespace}/${name}`;
    const isOther = (one) => one.recording?.uid === uid && !one.progress.uploadComplete;
    if (isNew ? this.uppy.getFiles().some(isOther) : !uploadId) return "Removed here. The Recording still waits for this file.";
    if (!isNew) await this.client.call("DELETE", `${at}/artifacts/${artifact}/uploads/${encodeURIComponent(uploadId)}`);
    else {
      // Its files may be removed at the same time.
      if (!this.ended.has(uid)) this.ended.set(uid, this.client.call("POST", `${at}/cancel?uid=${uid}`));
      await this.ended.get(uid);
    }
    return CANCELLED;
  }
}
