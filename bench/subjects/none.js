// Tracks nothing: the cost of the scenario and the runtime. All other figures are shown net of it.
export const title = 'nothing tracked';

export async function load() {}

export function create() {
  let kept;
  return {
    track(event) {
      kept = event;
      return true;
    },
    async sent() {},
    async close() {
      return kept;
    },
  };
}
