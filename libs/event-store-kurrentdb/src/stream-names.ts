/** Names of streams in the database, where they stand beside those of others. */
export interface StreamNames {
  readonly prefix: string;
  /** @throws TypeError for what would not come back as the same name */
  toStored(stream: string): string;
  isOurs(storedName: string): boolean;
  /** The stream of ours that a metadata stream is about. */
  describedBy(storedName: string): string | undefined;
}

export function streamNames(prefix: string): StreamNames {
  if (prefix === '' || prefix.startsWith('$') || !prefix.isWellFormed())
    throw new TypeError(
      'The prefix of the streams must be well-formed Unicode, must not be empty, and must not begin with $',
    );
  const metadataPrefix = `$$${prefix}`;
  return {
    prefix,
    toStored(stream) {
      // UTF-8 has no lone surrogates: two such names would become one stream.
      if (stream === '' || !stream.isWellFormed())
        throw new TypeError('The name of a stream must be well-formed Unicode and not empty');
      return prefix + stream;
    },
    isOurs: (storedName) => storedName.startsWith(prefix),
    describedBy: (storedName) => (storedName.startsWith(metadataPrefix) ? storedName.slice(2) : undefined),
  };
}
