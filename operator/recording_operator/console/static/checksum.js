// A worker: computes the CRC64NVME of files while their parts are sent. Eight bytes at a time, in two halves of 32 bits.
"use strict";

const LOW = 0xac4bc9b5;
const HIGH = 0x9a6c9329;
const low = new Uint32Array(8 * 256);
const high = new Uint32Array(8 * 256);

for (let byte = 0; byte < 256; byte++) {
  let [l, h] = [byte, 0];
  for (let bit = 0; bit < 8; bit++) {
    const odd = l & 1;
    l = ((l >>> 1) | (h << 31)) >>> 0;
    h >>>= 1;
    if (odd) [l, h] = [(l ^ LOW) >>> 0, (h ^ HIGH) >>> 0];
  }
  low[byte] = l;
  high[byte] = h;
}
for (let at = 256; at < low.length; at++) {
  const before = at - 256;
  const last = low[before] & 255;
  low[at] = ((low[before] >>> 8) | (high[before] << 24)) ^ low[last];
  high[at] = (high[before] >>> 8) ^ high[last];
}

function updated([l, h], bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length - (bytes.length % 8);
  for (let at = 0; at < whole; at += 8) {
    const a = l ^ view.getInt32(at, true);
    const b = h ^ view.getInt32(at + 4, true);
    const [i7, i6, i5, i4] = [1792 + (a & 255), 1536 + ((a >>> 8) & 255), 1280 + ((a >>> 16) & 255), 1024 + (a >>> 24)];
    const [i3, i2, i1, i0] = [768 + (b & 255), 512 + ((b >>> 8) & 255), 256 + ((b >>> 16) & 255), b >>> 24];
    l = low[i7] ^ low[i6] ^ low[i5] ^ low[i4] ^ low[i3] ^ low[i2] ^ low[i1] ^ low[i0];
    h = high[i7] ^ high[i6] ^ high[i5] ^ high[i4] ^ high[i3] ^ high[i2] ^ high[i1] ^ high[i0];
  }
  for (let at = whole; at < bytes.length; at++) {
    const index = (l ^ bytes[at]) & 255;
    l = ((l >>> 8) | (h << 24)) ^ low[index];
    h = (h >>> 8) ^ high[index];
  }
  return [l, h];
}

async function checksum(file) {
  let state = [~0, ~0];
  const reader = file.stream().getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) state = updated(state, read.value);
  const hex = (half) => (~half >>> 0).toString(16).padStart(8, "0");
  return `crc64nvme:${hex(state[1])}${hex(state[0])}`;
}

onmessage = async ({ data }) => {
  try {
    postMessage({ checksum: await checksum(data) });
  } catch (error) {
    postMessage({ problem: error.message });
  }
};
