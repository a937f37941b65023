/** Where programs are pinned: files of a bpffs that keep them loaded, whether a process holds them or not. */

/** A pin. */
export interface ProgPin {
  /**
   * Its path, and where that isn't one of this mount namespace, whose it is: `PATH (mount namespace of PID COMM)`. From the host: hostile.
   */
  readonly path: string;
  /** What is pinned: the program, or a link of it. */
  readonly via: 'prog' | 'link';
}
