export type StreamNames = ReturnType<typeof streamNames>;

/** Names of streams in the database, where they stand beside those of others. */
export function streamNames(prefix: string) {
  if (prefix === '' || prefix.startsWith('$') || !prefix.isWellFormed())
    throw new TypeError(
      'The prefix of the streams must be well-formed Unicode, must not be empty, and must not begin with $',
    );
  const metadataPrefix = `$$${prefix}`;
  return {
    prefix,
    /** @throws TypeError for what would not come back as the same name */
    toStored(stream: string): string {
      // UTF-8 has no lone surrogates: two such names would become one stream.
      if (stream === '' || !stream.isWellFormed())
        throw new TypeError('The name of a stream must be well-formed Unicode and not empty');
      return prefix + stream;
    },
    isOurs: (storedName: string) => storedName.startsWith(prefix),
    /** The stream of ours that a metadata stream is about. */
    describedBy: (storedName: string) => (storedName.startsWith(metadataPrefix) ? storedName.slice(2) : undefined),
  };
}
