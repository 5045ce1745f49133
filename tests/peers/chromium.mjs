// A real browser, headless, that does what a person's mouse and keyboard say. It is led over a pipe, so nothing listens.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { until } from './support.mjs';

const PROGRAM = 'chromium-headless-shell';
const OPTIONS = [
  '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync',
  '--disable-component-update', '--no-proxy-server', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

/** One browser with one page, and nothing of any other. */
export class Chromium {
  /** What the page and the browser said: lines of the console, exceptions, and what policies of content forbade. */
  complaints = [];
  #waiting = new Map();
  #next = 1;
  #rest = '';

  static async start() {
    const self = new Chromium();
    self.folder = await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-chromium-'));
    self.child = spawn(PROGRAM, [...OPTIONS, `--user-data-dir=${self.folder}`], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    self.ended = once(self.child, 'exit').catch(() => {});
    self.child.on('error', (error) => self.#end(error));
    self.child.on('exit', () => self.#end(new Error('the browser has ended')));
    self.child.stdio[3].on('error', () => {});
    self.child.stdio[4].setEncoding('utf8').on('data', (text) => self.#take(text));
    const { targetId } = await self.#send('Target.createTarget', { url: 'about:blank' });
    ({ sessionId: self.session } = await self.#send('Target.attachToTarget', { targetId, flatten: true }));
    for (const domain of ['Page', 'Runtime', 'Log', 'Audits']) await self.#send(`${domain}.enable`);
    return self;
  }

  async stop() {
    // By its own word, so that its other processes end with it.
    this.session = undefined;
    await this.#send('Browser.close').catch(() => {});
    await this.ended;
    for (const pipe of this.child.stdio) pipe?.destroy();
    await fs.rm(this.folder, { recursive: true, force: true });
  }

  #end(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #send(method, params = {}) {
    const id = this.#next++;
    this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: this.session })}\0`);
    return new Promise((resolve, reject) => { this.#waiting.set(id, { resolve, reject }); });
  }

  #take(text) {
    const messages = (this.#rest + text).split('\0');
    this.#rest = messages.pop();
    for (const { id, method, params, result, error } of messages.map((message) => JSON.parse(message))) {
      const { resolve, reject } = this.#waiting.get(id) ?? {};
      this.#waiting.delete(id);
      if (error !== undefined) reject?.(new Error(error.message));
      else resolve?.(result);
      if (['Log.entryAdded', 'Runtime.consoleAPICalled', 'Runtime.exceptionThrown', 'Audits.issueAdded'].includes(method)) {
        this.complaints.push(JSON.stringify(params));
      }
    }
  }

  /** The value of an expression in the page, or of what it promises. */
  async value(expression) {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Goes to an address and waits until the page there is whole. */
  async open(address) {
    this.complaints = [];
    await this.#send('Page.navigate', { url: address });
    await this.#isWhole(address);
  }

  /** Waits until the page is at an address that begins so. */
  async arrivesAt(begin) {
    await this.#isWhole(begin);
    return this.value('location.href');
  }

  #isWhole(begin) {
    return until(begin, () => this.value(`document.readyState === 'complete' && location.href.startsWith(${JSON.stringify(begin)})`).catch(() => false));
  }

  /** A person's finger on the element in the middle of what it shows. */
  async click(selector) {
    const [x, y] = await this.value(`(() => {
      const { x, y, width, height } = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    })()`);
    for (const type of ['mousePressed', 'mouseReleased']) {
      await this.#send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
    }
  }

  type(text) {
    return this.#send('Input.insertText', { text });
  }

  /** The window has so many pixels. */
  resize(width, height) {
    return this.#send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  }

  /** What a person who does not see hears: role and name of each thing that is no mere text. */
  async spoken() {
    const { nodes } = await this.#send('Accessibility.getFullAXTree');
    return nodes.filter(({ ignored, role }) => !ignored && ['heading', 'button', 'link', 'textbox', 'image'].includes(role.value))
      .map(({ role, name }) => `${role.value} ${name.value}`);
  }

  /** The frames of the page that show an error of the browser's own in place of what they should. */
  async failedFrames() {
    const { frameTree } = await this.#send('Page.getFrameTree');
    return (frameTree.childFrames ?? []).filter(({ frame }) => frame.unreachableUrl !== undefined).map(({ frame }) => frame.unreachableUrl);
  }
}
