/** Where the recording is that ships: the same one step up from src/ and from dist/. */
export const demoRecording = new URL('../docs/demo.rec', import.meta.url);
