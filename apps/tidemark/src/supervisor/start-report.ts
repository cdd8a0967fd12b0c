/** Where a person reads what happens: a terminal, or a file. */
export type Screen = { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };

export type Step = {
  /** What it does now; replaces what it said before. */
  detail(text: string): void;
  /** It is done; `text` says what came of it. */
  done(text?: string): void;
};

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
/** Off a terminal a step that takes longer says so this often. */
const STILL_MS = 10_000;
const LABEL_WIDTH = 18;

/**
 * Says what is going on while a system starts and runs: on a terminal one moving line below the finished ones, elsewhere a
 * line for each finished step. Everything goes to one screen, so that lines never cut into each other.
 */
export class StartReport {
  readonly #screen: Screen;
  readonly #isLive: boolean;
  readonly #color: boolean;
  #timer: NodeJS.Timeout | null = null;
  #current: { label: string; detail: string; since: number; saidAt: number } | null = null;
  #status = '';
  #frame = 0;

  constructor(screen: Screen, options: { readonly live?: boolean; readonly color?: boolean } = {}) {
    this.#screen = screen;
    this.#isLive = options.live ?? screen.isTTY === true;
    this.#color = options.color ?? (this.#isLive && !process.env.NO_COLOR);
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** Prints lines as they are. */
  print(text: string): void {
    this.#clear();
    this.#screen.write(`${text}\n`);
    this.#draw();
  }

  /** Something a person should know of, while things go on. */
  warn(text: string): void {
    this.print(`  ${this.#paint('33', '!')} ${text}`);
  }

  step(label: string): Step {
    const started = performance.now();
    this.#current = { label, detail: '', since: started, saidAt: started };
    this.#timer ??= setInterval(() => this.#tick(), FRAME_MS);
    this.#draw();
    return {
      detail: (text) => {
        if (this.#current?.label !== label) return;
        this.#current.detail = text;
        this.#draw();
      },
      done: (text = '') => {
        if (this.#current?.label !== label) return;
        const seconds = `${((performance.now() - started) / 1000).toFixed(1)} s`;
        this.#end();
        this.print(`  ${this.#paint('32', '✓')} ${label.padEnd(LABEL_WIDTH)} ${text.padEnd(52)} ${this.dim(seconds)}`);
      },
    };
  }

  /** Ends whatever step is under way without a word. */
  abandon(): void {
    this.#end();
    this.#status = '';
  }

  /** One line that stays at the bottom of a terminal and is written over; nothing elsewhere. */
  status(text: string): void {
    this.#clear();
    this.#status = text;
    this.#draw();
  }

  bold(text: string): string {
    return this.#paint('1', text);
  }

  dim(text: string): string {
    return this.#paint('2', text);
  }

  #end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#clear();
    this.#current = null;
  }

  #paint(code: string, text: string): string {
    return this.#color ? `\x1b[${code}m${text}\x1b[0m` : text;
  }

  #tick(): void {
    this.#frame += 1;
    if (this.#isLive) {
      this.#draw();
      return;
    }
    const now = performance.now();
    if (this.#current === null || now - this.#current.saidAt < STILL_MS) return;
    this.#current.saidAt = now;
    this.#screen.write(`  … ${this.#line(now)}\n`);
  }

  #line(now: number): string {
    if (this.#current === null) return '';
    const { label, detail, since } = this.#current;
    return `${label.padEnd(LABEL_WIDTH)} ${detail}${detail === '' ? '' : '  '}${Math.floor((now - since) / 1000)} s`;
  }

  #clear(): void {
    if (this.#isLive) this.#screen.write('\r\x1b[2K');
  }

  #draw(): void {
    if (!this.#isLive) return;
    const line =
      this.#current === null
        ? this.#status
        : `  ${FRAMES[this.#frame % FRAMES.length]} ${this.#line(performance.now())}`;
    if (line === '') return;
    // A line that wraps could not be written over.
    const width = Math.max(20, (this.#screen.columns ?? 80) - 1);
    this.#screen.write(`\r\x1b[2K${line.slice(0, width)}`);
  }
}
