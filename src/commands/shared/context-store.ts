/** The saved contexts (servers by name) as `devstate context` sees them: passwords in URLs are masked. */

export interface ContextEntry {
  name: string;
  /** Used when no option and no environment variable names a server. */
  current: boolean;
  /** The password is replaced by ***. */
  url: string;
  namespace: string | null;
  dialect: 'node' | 'python' | null;
  readOnly: boolean;
  /** Bulk writes ask for confirmation. */
  protected: boolean;
  /** Paths of PEM files. */
  ca: string | null;
  cert: string | null;
  key: string | null;
  /** The server's certificate is not verified. */
  insecure: boolean;
}

export interface ContextChanges {
  protected?: boolean;
  /** Fields to remove. */
  unset: readonly Exclude<keyof ContextEntry, 'name' | 'current' | 'url' | 'protected'>[];
}

/** Each method throws DevstateError USAGE for an unknown name and for a file that cannot be used. */
export interface ContextStore {
  list(): Promise<ContextEntry[]>;
  /** Without a name: the context that `--context` names, else the current one. */
  get(name?: string): Promise<ContextEntry>;
  /** Makes a context the current one. */
  use(name: string): Promise<ContextEntry>;
  /** Adds or changes a context: the global options of this command line and `changes` are saved in it. */
  set(name: string, changes: ContextChanges): Promise<ContextEntry>;
  remove(name: string): Promise<void>;
}
