// Sends files to the store, as a plugin of Uppy: the console has a URL for each part, and the operator ends the upload.
// Uppy's own plugin for S3 has one address for all files, sends no CSRF token, and does not say the size of a part.
"use strict";

const PARTS_AT_ONCE = 4;
const FILES_AT_ONCE = 3;
const CHECK_EVERY_MS = 1500;
const CANCELLED = "Cancelled";

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

class FileTask {
  constructor(uploader, file) {
    Object.assign(this, { uploader, id: file.id, content: file.data, size: file.data.size, recording: file.recording });
    this.sent = new Map();
    this.stopped = false;
    this.paused = file.isPaused ?? false;
    this.period = new AbortController();
    this.started = Date.now();
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
    this.unread?.(new DOMException("Stopped.", "AbortError"));
  }

  async going() {
    while (this.paused && !this.stopped) await new Promise((resolve) => (this.wake = resolve));
    if (this.stopped) throw new DOMException("Stopped.", "AbortError");
  }

  // Whether there was a pause since the period began. It may be over already.
  hasPaused(period) {
    return !this.stopped && (this.paused || this.period !== period);
  }

  // Everything but the check by the operator.
  async run() {
    const upload = await this.opened();
    if (upload === null) return;
    this.uploadId = upload.uploadId;
    const length = (number) => Math.min(upload.partSize, this.size - (number - 1) * upload.partSize);
    const count = Math.ceil(this.size / upload.partSize);
    const slice = (number) => this.content.slice((number - 1) * upload.partSize, number * upload.partSize);
    for (const one of await this.call("GET", `/${encodeURIComponent(this.uploadId)}`))
      if (one.PartNumber <= count && one.Size === length(one.PartNumber) && (await this.isSame(one, slice(one.PartNumber))))
        this.sent.set(one.PartNumber, one.Size);
    this.progress();
    const checksum = this.checksum();
    checksum.catch(() => {});
    const missing = Array.from({ length: count }, (_, at) => at + 1).filter((number) => !this.sent.has(number));
    await this.all(missing, (number) => this.send(number, slice(number)));
    const body = { size: this.size, checksum: await checksum };
    await this.call("POST", `/${encodeURIComponent(this.uploadId)}/complete`, body);
  }

  // A part of another file may have the same size. Only directories know the checksums of parts.
  async isSame({ ChecksumCRC64NVME: known }, content) {
    if (!known) return true;
    const hex = Array.from(atob(known), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
    return (await this.checksum(content)) === `crc64nvme:${hex}`;
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
      const { period } = this;
      try {
        return await this.uploader.client.call(method, uploadsOf(this.recording, path), { body, signal: period.signal });
      } catch (error) {
        if (error.name !== "AbortError" || !this.hasPaused(period)) throw error;
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
      const { period } = this;
      const { signal } = period;
      let signed;
      try {
        await this.uploader.parts.take(async () => {
          // Not this.call: a file that is paused must not keep the turns of others.
          const path = uploadsOf(this.recording, `/${encodeURIComponent(this.uploadId)}/${number}?size=${content.size}`);
          signed = await this.uploader.client.call("GET", path, { signal });
          const onProgress = (bytes) => this.progress(number, bytes);
          await put(signed, content, { onProgress, signal });
        });
        this.uploader.reached.add(new URL(signed.url).origin);
        return this.progress(number, content.size);
      } catch (error) {
        this.progress(number, 0);
        if (error.name === "AbortError" && this.hasPaused(period)) continue;
        if (!(error instanceof StoreProblem)) throw error;
        const isNew = !this.uploader.reached.has(new URL(signed.url).origin);
        if (error.status === 0 && navigator.onLine && attempt >= (isNew ? 2 : TRIES)) throw await diagnosed(signed.url, content);
        if (attempt++ >= TRIES)
          throw new StoreProblem(`The store has not taken part ${number}: ${error.message}. Press Retry to go on.`, { status: error.status });
        await pause(250 * 2 ** attempt, signal).catch(() => {});
      }
    }
  }

  checksum(content = this.content) {
    return new Promise((resolve, reject) => {
      this.unread = reject;
      this.worker = new Worker(this.uploader.opts.checksumScript);
      this.worker.onmessage = ({ data }) => {
        this.worker.terminate();
        if (data.checksum) resolve(data.checksum);
        else reject(new Error(`The file cannot be read: ${data.problem} Choose it again.`));
      };
      this.worker.onerror = () => reject(new Error("The checksum of the file cannot be computed. Load the page again."));
      this.worker.postMessage(content);
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
  async cancelled(recording, uploadId) {
    const { namespace, name, uid, isNew } = recording;
    const isOther = (one) => one.recording?.uid === uid && !one.progress.uploadComplete;
    if (isNew ? this.uppy.getFiles().some(isOther) : !uploadId) return "Removed here. The Recording still waits for this file.";
    if (!isNew) await this.client.call("DELETE", uploadsOf(recording, `/${encodeURIComponent(uploadId)}`));
    else {
      // Its files may be removed at the same time.
      const path = `/api/v1/recordings/${namespace}/${name}/cancel?uid=${uid}`;
      if (!this.ended.has(uid)) this.ended.set(uid, this.client.call("POST", path));
      await this.ended.get(uid);
    }
    return CANCELLED;
  }
}
