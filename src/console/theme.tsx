// Runs before the page is drawn, so that nobody sees it in the other theme first.
const chosen = localStorage.getItem('router9-theme')
if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen

export {}
