import { closeSync, fchmodSync, openSync, statfsSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

export type FileFailureCause =
  | 'diskFull'
  | 'diskFails'
  | 'damaged'
  | 'notADatabase'
  | 'missing'
  | 'directoryMissing'
  | 'notAFile'
  | 'forbidden'
  | 'readOnly'
  | 'locked'
  | 'tooManyOpen'
  | 'other';

/** A file, in the words of those who read the message. */
export interface FileUse {
  /** Such as `The views`. */
  readonly what: string;
  readonly path: string;
  readonly purpose: 'read' | 'write';
  /** What to do when it is lost or is not what it should be, in sentences. */
  readonly restore: string;
  /** The same where it has never been there, if that is something else. */
  readonly missing?: string;
}

/** A file cannot be used. The message names the file, the cause and the remedy. */
export class FileUnusable extends Error {
  override readonly name = 'FileUnusable';
  constructor(
    readonly failure: FileFailureCause,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What has failed, in the same words for every file: by the error of the operating system or of SQLite, and by a look at the place. */
export function fileUnusable(use: FileUse, error: unknown): FileUnusable {
  if (error instanceof FileUnusable) return error;
  const cause = causeOf(use, error);
  return new FileUnusable(cause, messageOf(use, cause, error), { cause: error });
}

function messageOf(
  { what, path, purpose, restore, missing = restore }: FileUse,
  cause: FileFailureCause,
  error: unknown,
): string {
  const directory = dirname(path);
  const [because, remedy] = {
    diskFull: ['the disk is full', 'Free some space; nothing else is needed'],
    diskFails: [`the disk fails (${systemCodeOf(error)})`, `Check the disk and the log of the system. ${restore}`],
    damaged: [`it is damaged (${systemCodeOf(error)})`, `Keep a copy of it. ${restore}`],
    notADatabase: ['it is not a database, or its beginning was overwritten', `It was left as it is. ${restore}`],
    missing: ['it does not exist', missing],
    directoryMissing: [`the directory ${directory} does not exist`, 'Create it, or correct the path'],
    notAFile: [kindIn(path), 'Move that away, or correct the path'],
    forbidden: [
      `this user may not ${purpose} it, or not write beside it`,
      `Change the owner or the mode of it and of ${directory}`,
    ],
    readOnly: ['it, or its file system, is read-only', `Make it and ${directory} writable`],
    locked: ['it is locked by another process', 'End that process, and try again'],
    tooManyOpen: ['no more files may be opened', 'Raise the limit of open files (ulimit -n)'],
    other: [reasonIn(error), restore],
  }[cause] as [string, string];
  return `${what} ${path} cannot be ${purpose === 'read' ? 'read' : 'written'}: ${because}. ${remedy.replace(/\.$/, '')}.`;
}

function kindIn(path: string): string {
  const there = lookAt(path);
  if (there === 'hidden' || there === undefined) return 'a part of its path is no directory';
  return there.isDirectory() ? 'it is a directory, not a file' : 'it is a file, not a directory';
}

const byCode: readonly (readonly [RegExp, FileFailureCause])[] = [
  [/^(ENOSPC|EDQUOT|SQLITE_FULL)$/, 'diskFull'],
  [/^(EMFILE|ENFILE)$/, 'tooManyOpen'],
  [/^SQLITE_(BUSY|LOCKED)/, 'locked'],
  [/^SQLITE_NOTADB$/, 'notADatabase'],
  [/^SQLITE_CORRUPT/, 'damaged'],
  [/^(EROFS|SQLITE_READONLY.*)$/, 'readOnly'],
  [/^(EISDIR|ENOTDIR|EEXIST|SQLITE_CANTOPEN_ISDIR)$/, 'notAFile'],
  [/^(EACCES|EPERM|SQLITE_PERM)$/, 'forbidden'],
];

function causeOf({ path, purpose }: FileUse, error: unknown): FileFailureCause {
  const code = systemCodeOf(error);
  const found = byCode.find(([form]) => form.test(code))?.[1];
  const [file, directory] = [lookAt(path), lookAt(dirname(path))];
  const forbidden = [file, directory].some((each) => each === 'hidden' || (each && !mayWrite(each)));
  // SQLite has one name for a read-only file system and for a file that this user may only read.
  if (found === 'readOnly' && code !== 'EROFS' && forbidden) return 'forbidden';
  if (found) return found;
  // An error without a code comes from neither the operating system nor SQLite, and describes itself.
  if (code === '') return directory === undefined ? 'directoryMissing' : 'other';
  // SQLite reports a full disk in several ways: where it makes or grows a file beside the database, as an error of the disk.
  if (isFull(dirname(path))) return 'diskFull';
  if (file === 'hidden' || directory === 'hidden') return 'forbidden';
  if (directory === undefined) return 'directoryMissing';
  if (!directory.isDirectory() || (file && !file.isFile())) return 'notAFile';
  if (file === undefined && (purpose === 'read' || code === 'ENOENT')) return 'missing';
  if (code === 'EIO' || code.startsWith('SQLITE_IOERR')) return 'diskFails';
  if (!code.startsWith('SQLITE_CANTOPEN')) return 'other';
  return forbidden || purpose === 'read' ? 'forbidden' : 'readOnly';
}

function mayWrite({ uid, gid, mode }: Stats): boolean {
  const user = process.geteuid?.() ?? 0;
  if (user === 0) return true;
  if (user === uid) return (mode & 0o200) !== 0;
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  return (mode & (groups.includes(gid) ? 0o020 : 0o002)) !== 0;
}

function isFull(directory: string): boolean {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(directory);
    return bavail * bsize < 32 * 1024 || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}

/** The code of an error of the operating system or of SQLite; empty for any other. By its form: errors may come from another realm, where `instanceof` says no. */
export function systemCodeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

export function reasonIn(error: unknown): string {
  const text =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
  const code = systemCodeOf(error);
  return code === '' || text.includes(code) ? text : `${code}: ${text}`;
}

/** Not by `access`, which asks for the real user, and never by opening: closing any handle would drop SQLite's locks. */
export function lookAt(path: string): Stats | 'hidden' | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    return systemCodeOf(error) === 'EACCES' ? 'hidden' : undefined;
  }
}

/**
 * Makes a database's file for its owner alone, whatever the directory's mode and the umask, where there is none; what SQLite
 * makes beside it gets the same mode.
 */
export function makePrivate(path: string): void {
  if (lookAt(path) !== undefined) return;
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch {
    // Made by another at the same time, or not possible: then opening it says why.
    return;
  }
  try {
    fchmodSync(file, 0o600);
  } finally {
    closeSync(file);
  }
}

const pageOfSharedMemory = 4_096;

/**
 * SQLite grows the shared memory beside a database by one byte in each of its pages. Where a block of the file system is
 * smaller than a page, the rest of the page is taken from the disk when it is first touched, and on a full one that ends
 * the process by a signal (SIGBUS) instead of an error.
 * @throws FileUnusable when there is not enough room for it
 */
export function requireRoomForSharedMemory(use: FileUse): void {
  const { path } = use;
  let free: number;
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    if (bsize >= pageOfSharedMemory) return;
    free = bavail * bsize;
  } catch {
    return;
  }
  const log = lookAt(`${path}-wal`);
  const walBytes = log === 'hidden' || log === undefined ? 0 : log.size;
  // It has 8 bytes for each page of the write-ahead log, and every connection may meet it grown since.
  if (free < 256 * 1024 + walBytes / 64) throw new FileUnusable('diskFull', messageOf(use, 'diskFull', undefined));
}
