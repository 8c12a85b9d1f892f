// Recognizes the folders of sources in a relay's directory.

const SOURCE = /^[0-9a-f]{32}$/;

/** Whether a name is that of a source, as `Source.name`. */
export function isSourceFolder(name: string): boolean {
  return SOURCE.test(name);
}
