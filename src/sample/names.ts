/** What a program is called beyond the kernel's 15 bytes, and what it belongs to by name. All names are from the host: hostile. */

/** What BTF and arrays of programs tell of one program. */
export interface ProgNames {
  /** Its main function, by its BTF; it begins with the kernel's name of the program. null: that is all there is, or it isn't known. */
  readonly fullName: string | null;
  /**
   * The function or tracepoint it was loaded for, as the kernel calls it (attach_func_name). null: none, or not known (before Linux
   * 6.0; and of one that hangs on another program, when the kernel has forgotten it).
   */
  readonly attachFuncName: string | null;
  /**
   * Programs that can tail call it: they use an array of programs that holds it. Those alone that nobody can tail call themselves, if there
   * are such: they are where its runs are counted. Ids ascend, the first 16; empty: none.
   */
  readonly tailCallers: readonly NamedProg[];
}

/** A program as another one's facts name it. */
export interface NamedProg {
  readonly id: number;
  readonly name: string;
}
