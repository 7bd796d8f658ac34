// Hands a text, or what an answer of the server holds, to the browser as a file.

function offer(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export const save = (name, text, type) => offer(name, new Blob([text], { type: `${type};charset=utf-8` }));
export const saveResponse = async (name, response) => offer(name, await response.blob());
