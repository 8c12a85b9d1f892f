// One JSON.stringify of the same event: the minimum for any client.
export const title = 'one JSON.stringify';

export async function load() {}

export function create() {
  let kept = '';
  return {
    track(event) {
      kept = JSON.stringify(event);
      return true;
    },
    async sent() {},
    async close() {
      return kept;
    },
  };
}
