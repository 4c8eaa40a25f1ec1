/** The viewer of the API definition; served locally, asks nobody else. */
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import "./styles/docs.css";

SwaggerUI({
  url: "/api",
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // The default asks validator.swagger.io about the definition; this service asks nobody.
  validatorUrl: null,
});
