// The messages to and from the engine; `frames.py` describes them.

"use strict";

const Kind = { EVENT: 7, STARTED: 8, RESULT: 9, ERROR: 10, LAST_ERROR: 11 };
const HEADER = 5; // bytes: the kind, and the length of the body in 4 bytes, the most significant first

/**
 * @param {number} kind
 * @param {string} body
 * @returns {Buffer}
 */
function pack(kind, body) {
  const length = Buffer.byteLength(body);
  const frame = Buffer.allocUnsafe(HEADER + length);
  frame.writeUInt8(kind, 0);
  frame.writeUInt32BE(length, 1);
  frame.write(body, HEADER);
  return frame;
}

/** Joins received bytes until a frame is whole. The engine sends the next frame only after the answer to this one. */
class Joiner {
  #parts = [];
  #received = 0;
  #expected = Infinity;

  /** The body of the frame that these bytes complete, as text; undefined: more is to come. */
  add(bytes) {
    this.#parts.push(bytes);
    this.#received += bytes.length;
    if (this.#expected === Infinity && this.#received >= HEADER) {
      this.#parts = [Buffer.concat(this.#parts)];
      this.#expected = HEADER + this.#parts[0].readUInt32BE(1);
    }
    if (this.#received < this.#expected) return undefined;
    const frame = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#received = 0;
    this.#expected = Infinity;
    return frame.toString("utf8", HEADER);
  }
}

module.exports = { Joiner, Kind, pack };
