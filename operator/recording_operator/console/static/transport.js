// Requests of the upload page: to the console, and of parts to the store.
"use strict";

const TRIES = 6;
const BUSY = [429, 502, 503, 504];

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

// The uploads of an artifact. A namesake of its Recording that was created since has another uid, and must not get the file.
function uploadsOf({ namespace, name, artifact, uid }, path) {
  return `/api/v1/recordings/${namespace}/${name}/artifacts/${artifact}/uploads${path}${path.includes("?") ? "&" : "?"}uid=${uid}`;
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
    if (response.status === 401) throw new Rejected("Your session has ended. Load this page again and sign in: the upload goes on where it was.", response);
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
